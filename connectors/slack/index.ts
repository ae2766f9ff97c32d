import { z } from "zod";
import { defineConnector, httpSettings, secret } from "../../src/connector/index.ts";
import { escapedValue } from "./text.ts";
import { slackWith } from "./with.ts";

/** A message per call in a Slack channel; a late summary, or a late CRM record, edits it. */
export const slack = defineConnector({
  name: "slack",
  title: "Slack",
  keeps: "message",
  duplicates: "find",
  edits: true,
  settings: z.strictObject({
    token: secret().describe("Bot token of an app with the scopes chat:write and channels:history: xoxb-…"),
    ...httpSettings,
    // What Slack takes of a channel for long. Without it most requests of a busy hour are refused (429), and posted again.
    rate: httpSettings.rate.default("1/s"),
  }),
  with: slackWith,
  escape: { text: escapedValue },
  sends: [
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
  ],
  // Slack limits chat.postMessage for each channel (docs.slack.dev/apis/web-api/rate-limits).
  target: ({ channel }) => channel,
  // About one message a second and channel is Slack's limit; several calls at once keep slow answers from adding up.
  batch: { maxCalls: 1, concurrency: 8 },

  async open({ settings, timezone, timeoutMs }) {
    const { openSlack } = await import("./destination.ts");
    return openSlack({ token: settings.token, baseUrl: settings.base_url, timezone, timeoutMs });
  },

  sandbox: () => import("./sandbox.ts"),
});
