import { z } from "zod";
import { defineConnector, httpSettings, secret } from "../../src/connector.ts";

/** Channels, private channels and direct messages have an id; a name (#sales) can change and is not taken. */
const CHANNEL = /^[CGD][A-Z0-9]{2,}$/;

/** A message per call in a Slack channel; a late summary edits it. Needs the scope chat:write; channels:history, groups:history for look-ups. */
export const slack = defineConnector({
  name: "slack",
  title: "Slack",
  keeps: "message",
  duplicates: "find",
  settings: z.strictObject({
    token: secret().describe("Bot token of an app with the scopes chat:write and channels:history: xoxb-…"),
    ...httpSettings,
  }),
  with: z.strictObject({
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
        "Your own message, in Slack's mrkdwn: *bold*, <https://…|links>. Mentions (<@…>, <!channel>) are shown as text. Without it: header, facts, summary and a button for the recording",
      ),
  }),
  // Slack limits chat.postMessage for each channel (docs.slack.dev/apis/web-api/rate-limits).
  target: ({ channel }) => channel,
  // About one message a second and channel is Slack's limit; several calls at once keep slow answers from adding up.
  sends: [],
  batch: { maxCalls: 1, concurrency: 8 },

  async open({ settings, timezone, timeoutMs }) {
    const { openSlack } = await import("./destination.ts");
    return openSlack({ token: settings.token, baseUrl: settings.base_url, timezone, timeoutMs });
  },

  sandbox: () => import("./sandbox.ts"),
});
