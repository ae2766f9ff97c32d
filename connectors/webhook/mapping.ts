import { type SentField, z } from "../../src/connector/index.ts";
import { DATA_FIELDS, OWN_FIELDS } from "./payload.ts";

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

/** A route's `with`. */
export const webhookWith = z.strictObject({
  type: eventType.default("call.completed").describe("The message's type. Default call.completed"),
  update_type: eventType.default("call.updated").describe("Its type when a call that was sent has changed. Default call.updated"),
  fields: z
    .record(fieldName, z.string())
    .optional()
    .describe('More fields of data: { campaign: "{{ metadata.campaign }}" }. One whose value is empty is left out'),
});

export type WebhookWith = z.output<typeof webhookWith>;

export const SENT_FIELDS: readonly SentField[] = [
  { field: "type", what: "call.completed, or call.updated when the call has changed since; or what `with` says" },
  { field: "timestamp", what: "end_time, in UTC" },
  ...DATA_FIELDS.map(({ name, what, thin }) => ({ field: `data.${name}`, what: thin ? `${what}; in thin payloads too` : what })),
  { field: "data.<fields>", what: "what `fields` says; in thin payloads too" },
];
