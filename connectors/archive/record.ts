import { type Delivery, ExactNumber, parseJsonExactly, type SharedCall, sortedJson, wellFormed } from "../../src/connector/index.ts";

type Document = Record<string, unknown>;

interface DocumentField {
  name: string;
  what: string;
  of(delivery: Delivery<unknown>): unknown;
}

function own(name: keyof SharedCall, what: string = name): DocumentField {
  return { name, what, of: ({ call }) => call[name] };
}

/** Raised when a field is added or means something else. */
const SCHEMA_VERSION = 1;

/** The contract with everybody who reads the archive. */
export const DOCUMENT_FIELDS: readonly DocumentField[] = [
  { name: "delivery_key", what: "source/call_id, and #record where the route says `record:`", of: ({ key }) => key },
  own("source", "the source's name in routes.yaml"),
  own("call_id"),
  own("agent_id"),
  own("agent", "the agent's name under `agents:`"),
  own("agent_name", "the agent's name for people"),
  own("agent_owner", "the agent's owner under `agents:`"),
  own("direction", "inbound, outbound or unknown"),
  own("from_number", "from_number, where the route shares numbers"),
  own("to_number", "to_number, where the route shares numbers"),
  own("customer_number", "the customer's number in E.164, where the route shares numbers and it is known"),
  own("call_outcome"),
  own("start_time", "start_time, as it came"),
  own("end_time", "end_time, as it came"),
  own("duration_seconds"),
  own("recording_url", "recording_url, where the route shares it"),
  own("summary", "summary, where the route shares it"),
  own("transcript", "transcript, where the route shares it"),
  own("metadata", "metadata, as it came, where the route shares it"),
  {
    name: "extra",
    what: "fields of the record that have no place of their own yet, where the route shares metadata",
    of: ({ call }) => (Object.keys(call.unknown ?? {}).length > 0 ? call.unknown : undefined),
  },
  own("test", "true for a test call"),
  { name: "schema_version", what: "1", of: () => SCHEMA_VERSION },
];

export const OWN_FIELDS: ReadonlySet<string> = new Set(DOCUMENT_FIELDS.map(({ name }) => name));

/** What is stored under the call's name is not this call. */
export class ForeignDocumentError extends Error {
  override readonly name = "ForeignDocumentError";
}

/**
 * A call as one line of JSON, keys in order, with a line end: the same call gives the same bytes. What an earlier version had, and this one lacks,
 * is kept from `existing`.
 * @throws {ForeignDocumentError}
 */
export function documentOf(delivery: Delivery<{ fields?: Record<string, string> | undefined }>, existing: Buffer | undefined): Buffer {
  const earlier = existing ? parseDocument(existing) : {};
  if (existing && earlier?.delivery_key !== wellFormed(delivery.key)) throw new ForeignDocumentError();
  const named = DOCUMENT_FIELDS.map((field) => [field.name, field.of(delivery)] as const);
  const present = [...named, ...Object.entries(delivery.with.fields ?? {})].filter(([, value]) => !isAbsent(value));
  const merged = { ...earlier, ...Object.fromEntries(present) };
  return Buffer.from(`${sortedJson(wellFormed(merged))}\n`, "utf8");
}

/** Absent and empty are one in a call record. */
function isAbsent(value: unknown): boolean {
  if (value instanceof ExactNumber) return false;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === "";
}

/** Undefined: it is not an object of JSON. Numbers that a double does not hold keep their text: they are written again. */
export function parseDocument(bytes: Buffer): Document | undefined {
  try {
    const value = parseJsonExactly(bytes.toString("utf8"));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
    return isObject ? (value as Document) : undefined;
  } catch {
    return undefined;
  }
}
