import type { Delivery, SharedCall } from "../../src/connector/index.ts";

export type Payload = "full" | "thin";

interface DataField {
  name: string;
  what: string;
  /** An id or a time: it goes with thin payloads too. */
  thin?: true;
  of(delivery: Delivery<unknown>): unknown;
}

/** A field of the call under its own name. */
function own(name: keyof SharedCall, what: string, options: { thin?: true } = {}): DataField {
  return { name, what, ...options, of: ({ call }) => call[name] };
}

/** The contract with receivers: fields are added, never taken away or given another meaning. */
export const DATA_FIELDS: readonly DataField[] = [
  {
    name: "delivery_key",
    what: "names this message of this call: the same for every version of it, another on another route",
    thin: true,
    of: ({ key }) => key,
  },
  own("call_id", "call_id", { thin: true }),
  own("source", "the source's name in routes.yaml", { thin: true }),
  own("agent_id", "agent_id", { thin: true }),
  own("start_time", "start_time", { thin: true }),
  own("end_time", "end_time", { thin: true }),
  own("agent", "the agent's name under `agents:`"),
  own("agent_name", "the agent's name for people"),
  own("agent_owner", "the agent's owner under `agents:`"),
  own("direction", "inbound, outbound or unknown"),
  own("duration_seconds", "duration_seconds"),
  own("call_outcome", "call_outcome"),
  own("test", "true for a test call"),
  own("from_number", "from_number, where the route shares numbers"),
  own("to_number", "to_number, where the route shares numbers"),
  own("customer_number", "the customer's number in E.164, where the route shares numbers and it is known"),
  own("summary", "summary, where the route shares it"),
  own("recording_url", "recording_url, where the route shares it"),
  own("transcript", "transcript, where the route shares it"),
  own("metadata", "metadata, as it came, where the route shares it"),
  {
    name: "extra",
    what: "fields of the record that have no place of their own yet, where the route shares metadata",
    of: ({ call }) => (Object.keys(call.unknown ?? {}).length > 0 ? call.unknown : undefined),
  },
];

export const OWN_FIELDS: ReadonlySet<string> = new Set(DATA_FIELDS.map(({ name }) => name));

/** `data` of a message. Absent and empty are one in a call record: both are left out. */
export function dataOf(
  delivery: Delivery<{ fields?: Record<string, string> | undefined }>,
  options: { payload: Payload },
): Record<string, unknown> {
  const fields = DATA_FIELDS.filter(({ thin }) => options.payload === "full" || thin);
  const all = [...fields.map((field) => [field.name, field.of(delivery)] as const), ...Object.entries(delivery.with.fields ?? {})];
  return Object.fromEntries(all.filter(([, value]) => value !== undefined && value !== null && value !== ""));
}
