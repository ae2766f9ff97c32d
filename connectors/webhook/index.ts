import { defineConnector } from "../../src/connector/index.ts";
import { SENT_FIELDS, webhookWith } from "./mapping.ts";
import { literalHostWarning, webhookSettings } from "./settings.ts";

/** A signed POST per call to any URL, as Standard Webhooks describes it (standardwebhooks.com). */
export const webhook = defineConnector({
  name: "webhook",
  title: "Webhook",
  keeps: "message",
  // The receiver's part of the standard: what has the same webhook-id is the same message.
  duplicates: "native-key",
  edits: true,
  settings: webhookSettings,
  with: webhookWith,
  sends: SENT_FIELDS,
  note: literalHostWarning,
  batch: { maxCalls: 1, concurrency: 8 },
  open: async ({ settings }) => (await import("./open.ts")).openWebhook({ settings }),
  sandbox: () => import("./sandbox/index.ts"),
});
