import { z } from "zod";
import { DURATION } from "../../src/connector/index.ts";

/** Channels, private channels and direct messages have an id; a name (#sales) can change and is not taken. */
const CHANNEL = /^[CGD][A-Z0-9]{2,}$/;

/** A route's `with`. */
export const slackWith = z
  .strictObject({
    channel: z
      .string()
      .refine(
        (id) => CHANNEL.test(id) || /\{[{%]/.test(id),
        "must be a channel's id such as C0123456789 (in Slack: channel details, at the bottom)",
      )
      .describe("Id of the channel that the message goes to; invite the app to it"),
    text: z
      .string()
      .optional()
      .describe(
        "Your own message, in Slack's mrkdwn: *bold*, <https://…|links>. Mentions (<@…>, <!channel>) are shown as text. Without it: header, facts, summary, and buttons for the recording and the CRM record",
      ),
    thread_by: z.enum(["customer"]).optional().describe("customer: calls of one customer go into one thread, under the first of them"),
    thread_for: z
      .string()
      .regex(DURATION, "must be a time such as 24h or 7d")
      .optional()
      .describe("How long after its first message a thread takes more calls. Default 24h"),
    mention: z
      .enum(["owner"])
      .optional()
      .describe(
        "owner: mentions the Slack user who owns the CRM record that `after` found, else the agent's owner under agents:, by email address",
      ),
    max_per_hour: z
      .int()
      .min(1)
      .max(3_600)
      .optional()
      .describe("At most so many messages in the channel in an hour; the other calls are counted in one line"),
  })
  .refine(({ thread_by, thread_for }) => thread_for === undefined || thread_by !== undefined, {
    path: ["thread_for"],
    message: "needs thread_by: customer",
  });

export type SlackWith = z.output<typeof slackWith>;
