import { defineConnector } from "../../src/connector/index.ts";
import { SENT_FIELDS, slackWith } from "./mapping.ts";
import { slackSettings } from "./settings.ts";
import { escapedValue } from "./text.ts";

/** A message per call in a Slack channel; a late summary, or a late CRM record, edits it. */
export const slack = defineConnector({
  name: "slack",
  title: "Slack",
  keeps: "message",
  duplicates: "find",
  edits: true,
  settings: slackSettings,
  with: slackWith,
  escape: { text: escapedValue },
  sends: SENT_FIELDS,
  // Slack limits chat.postMessage for each channel (docs.slack.dev/apis/web-api/rate-limits).
  target: ({ channel }) => channel,
  // About one message a second and channel is Slack's limit; several calls at once keep slow answers from adding up.
  batch: { maxCalls: 1, concurrency: 8 },
  open: async (options) => (await import("./open.ts")).openSlack(options),
  sandbox: () => import("./sandbox/index.ts"),
});
