import type { Delivery } from "../../src/connector/index.ts";

/** What a column holds; each engine has its own name for it. */
export type ColumnKind = "text" | "time" | "number" | "integer" | "json";

export interface Column {
  name: string;
  kind: ColumnKind;
}

interface CallColumn extends Column {
  /** For the table of the docs. */
  what: string;
  of(delivery: Delivery<unknown>): unknown;
}

/** Raised when a column is added or means something else; each row carries the version that wrote it. */
const SCHEMA_VERSION = 1;

/** The key column: unique in the table, whatever else it is. */
export const KEY = "delivery_key";

/**
 * The contract with everybody who queries the table: additive only within a major version.
 * `duration_seconds` is a double: whole seconds up to 2^53 are exact, and nothing that JSON can say is refused.
 */
export const CALL_COLUMNS: readonly CallColumn[] = [
  {
    name: KEY,
    kind: "text",
    what: "source/call_id, and the route's `record` if it has one: one row for each",
    of: (delivery) => delivery.key,
  },
  { name: "source", kind: "text", what: "the name of the source in routes.yaml", of: ({ call }) => call.source },
  { name: "call_id", kind: "text", what: "the call's id", of: ({ call }) => call.call_id },
  { name: "agent_id", kind: "text", what: "the id of the VoiceInfra agent", of: ({ call }) => call.agent_id },
  { name: "agent", kind: "text", what: "the agent's name in routes.yaml", of: ({ call }) => call.agent },
  { name: "direction", kind: "text", what: "inbound, outbound or unknown", of: ({ call }) => call.direction },
  { name: "from_number", kind: "text", what: "the caller's number, as sent", of: ({ call }) => call.from_number },
  { name: "to_number", kind: "text", what: "the called number, as sent", of: ({ call }) => call.to_number },
  {
    name: "customer_number",
    kind: "text",
    what: "whichever of the two is the customer's, in E.164 where it is one",
    of: ({ call }) => call.customer_number,
  },
  { name: "call_outcome", kind: "text", what: "the outcome, as sent", of: ({ call }) => call.call_outcome },
  { name: "start_time", kind: "time", what: "when the call began, UTC, to the microsecond", of: ({ call }) => call.start_time },
  { name: "end_time", kind: "time", what: "when it ended", of: ({ call }) => call.end_time },
  { name: "duration_seconds", kind: "number", what: "its length in seconds", of: ({ call }) => call.duration_seconds },
  { name: "recording_url", kind: "text", what: "link to the recording", of: ({ call }) => call.recording_url },
  { name: "summary", kind: "text", what: "the summary", of: ({ call }) => call.summary },
  { name: "transcript", kind: "text", what: "the transcript, whole, where the route shares it", of: ({ call }) => call.transcript },
  { name: "metadata", kind: "json", what: "the metadata, as JSON", of: ({ call }) => call.metadata },
  // Fields that VoiceInfra has invented since; none is no value, so that an update never blanks earlier ones.
  {
    name: "extra",
    kind: "json",
    what: "fields that VoiceInfra sends and does not document, as JSON",
    of: ({ call }) => (Object.keys(call.unknown ?? {}).length > 0 ? call.unknown : undefined),
  },
  { name: "schema_version", kind: "integer", what: "which version of these columns wrote the row", of: () => SCHEMA_VERSION },
];

/** Written by the database's clock: when the row came, and when it was last written. */
export const DELIVERED_AT = "delivered_at";
export const UPDATED_AT = "updated_at";

/** Every column that we make, in the order in which a new table has them. */
export const TABLE_COLUMNS: readonly Column[] = [
  ...CALL_COLUMNS.map(({ name, kind }) => ({ name, kind })),
  { name: DELIVERED_AT, kind: "time" },
  { name: UPDATED_AT, kind: "time" },
];

/**
 * What our statements call things. In BigQuery a name of these wins over a column's: `t.t` was the whole row, and MERGE could not set it. No column
 * may have them.
 */
export const TARGET = "patchbay_target";
export const SOURCE = "patchbay_source";
export const ITEM = "patchbay_item";
/** A row that is turned into JSON whole. */
export const WHOLE_ROW = "patchbay_row";
/** Which Parquet file a row is from. */
export const FILE = "patchbay_file";
export const OWN_NAMES: readonly string[] = [TARGET, SOURCE, ITEM, WHOLE_ROW, FILE];

/** Small letters, so that nobody has to quote it: PostgreSQL folds unquoted names, and cuts them at 63 bytes. */
export const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/;

/** Double quotes around, inner ones doubled (SQL-92 §5.2). */
export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
