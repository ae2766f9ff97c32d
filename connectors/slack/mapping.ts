import { DURATION, type SentField, z } from "../../src/connector/index.ts";

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

export const SENT_FIELDS: readonly SentField[] = [
  { field: "channel", what: "the route's `channel`" },
  { field: "ts", what: "the message that an update changes, or the summary line" },
  { field: "thread_ts", what: "with `thread_by`: the customer's first message" },
  { field: "text", what: "what notifications show: header and summary, or the route's `text`" },
  { field: "blocks.header", what: "direction, the customer's name or number, outcome" },
  { field: "blocks.section.fields", what: "customer (linked to the CRM), number, duration, agent, time, owner" },
  { field: "blocks.section.text", what: "the summary, at most 1,500 characters; or the route's `text`" },
  { field: "blocks.context", what: "of a summary line: how many calls, by outcome" },
  { field: "blocks.actions.recording", what: "a button to `recording_url`" },
  { field: "blocks.actions.record", what: "a button to the CRM record of the route that `after` names" },
  { field: "metadata.event_type", what: "voice_call_summary, or voice_call_count of a summary line" },
  { field: "metadata.call_id", what: "`call_id`" },
  { field: "metadata.source", what: "the source's name" },
  { field: "metadata.key", what: "source, call_id and route: by which a message is found again" },
  { field: "metadata.customer", what: "with `thread_by`: the number hashed with the token as key, never the number" },
  { field: "metadata.hour", what: "of a summary line: which hour" },
  { field: "metadata.counts", what: "of a summary line: calls by outcome" },
  { field: "metadata.counted", what: "of a summary line: hashes of the last calls in it" },
  { field: "unfurl_links", what: "always false" },
  { field: "unfurl_media", what: "always false" },
];
