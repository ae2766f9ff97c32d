import { z } from "zod";
import { booleanSetting, defineConnector, httpSettings } from "../../src/connector/index.ts";
import { DATA_FIELDS, OWN_FIELDS } from "./data.ts";
import { extraHeaders, literalHostWarning, receiverUrl, signingSecret } from "./settings.ts";

/** Event types of Standard Webhooks: letters, digits and _, in parts with dots between. */
const EVENT_TYPE = /^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$/;
const eventType = z
  .string()
  .refine(
    (type) => EVENT_TYPE.test(type) || /\{[{%]/.test(type),
    "must be words of letters, digits and _ with dots between, such as call.completed",
  );

const fieldName = z
  .string()
  .regex(/^[A-Za-z_]\w{0,63}$/, "must be letters, digits and _")
  .refine((name) => !OWN_FIELDS.has(name), "is a field that data has anyway: choose another name");

/** A signed POST per call to any URL, as Standard Webhooks describes it (standardwebhooks.com). */
export const webhook = defineConnector({
  name: "webhook",
  title: "Webhook",
  keeps: "message",
  // The receiver's part of the standard: what has the same webhook-id is the same message.
  duplicates: "native-key",
  settings: z
    .strictObject({
      url: receiverUrl.describe("Where to: https://…; it may hold a token and belongs in a variable then"),
      secret: signingSecret.optional().describe("Signing secret: whsec_ and the base64 of 24 to 64 random bytes"),
      secrets: z
        .array(signingSecret)
        .min(1)
        .max(8)
        .optional()
        .describe("Instead of secret, while it is changed: the message is signed with each, and verifies with any"),
      payload: z
        .enum(["full", "thin"])
        .default("full")
        .describe("full (default): what the route shares of the call. thin: ids and times only"),
      headers: extraHeaders.optional().describe('More headers, the same in each request: { Authorization: "Bearer ${RECEIVER_TOKEN}" }'),
      allow_private: booleanSetting()
        .default(false)
        .describe("The receiver is in an own network: private and loopback addresses are taken too. Default false"),
      allow_http: booleanSetting().default(false).describe("Plain http is taken too. Default false"),
      timeout: httpSettings.timeout,
      rate: httpSettings.rate,
    })
    .refine(({ secret, secrets }) => (secret === undefined) !== (secrets === undefined), {
      path: ["secret"],
      message: "is missing, or stands beside secrets: give one of the two",
    })
    .refine(({ url, allow_http }) => allow_http || url.reveal().startsWith("https:"), {
      path: ["url"],
      message: "must be https, or allow_http: true must stand beside it",
    }),
  with: z.strictObject({
    type: eventType.default("call.completed").describe("The message's type. Default call.completed"),
    update_type: eventType.default("call.updated").describe("Its type when a call that was sent has changed. Default call.updated"),
    fields: z
      .record(fieldName, z.string())
      .optional()
      .describe('More fields of data: { campaign: "{{ metadata.campaign }}" }. One whose value is empty is left out'),
  }),
  sends: [
    { field: "type", what: "call.completed, or call.updated when the call has changed since; or what `with` says" },
    { field: "timestamp", what: "end_time, in UTC" },
    ...DATA_FIELDS.map(({ name, what, thin }) => ({ field: `data.${name}`, what: thin ? `${what}; in thin payloads too` : what })),
    { field: "data.<fields>", what: "what `fields` says; in thin payloads too" },
  ],
  note: literalHostWarning,
  batch: { maxCalls: 1, concurrency: 8 },
  edits: true,

  async open({ settings }) {
    const { openWebhook } = await import("./destination.ts");
    return openWebhook({ ...settings, secrets: settings.secrets ?? (settings.secret ? [settings.secret] : []) });
  },

  sandbox: () => import("./sandbox.ts"),
});
