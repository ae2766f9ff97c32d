import type { Delivery } from "../../src/connector.ts";

/** What a column holds; each engine has its own name for it. */
export type ColumnKind = "text" | "time" | "number" | "integer" | "json";

export interface Column {
  name: string;
  kind: ColumnKind;
}

/** A route's `with`. */
export interface WarehouseWith {
  columns?: Record<string, string> | undefined;
}

interface CallColumn extends Column {
  of(delivery: Delivery<WarehouseWith>): unknown;
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
  { name: KEY, kind: "text", of: (delivery) => delivery.key },
  { name: "source", kind: "text", of: ({ call }) => call.source },
  { name: "call_id", kind: "text", of: ({ call }) => call.call_id },
  { name: "agent_id", kind: "text", of: ({ call }) => call.agent_id },
  { name: "agent", kind: "text", of: ({ call }) => call.agent },
  { name: "direction", kind: "text", of: ({ call }) => call.direction },
  { name: "from_number", kind: "text", of: ({ call }) => call.from_number },
  { name: "to_number", kind: "text", of: ({ call }) => call.to_number },
  { name: "customer_number", kind: "text", of: ({ call }) => call.customer_number },
  { name: "call_outcome", kind: "text", of: ({ call }) => call.call_outcome },
  { name: "start_time", kind: "time", of: ({ call }) => call.start_time },
  { name: "end_time", kind: "time", of: ({ call }) => call.end_time },
  { name: "duration_seconds", kind: "number", of: ({ call }) => call.duration_seconds },
  { name: "recording_url", kind: "text", of: ({ call }) => call.recording_url },
  { name: "summary", kind: "text", of: ({ call }) => call.summary },
  { name: "transcript", kind: "text", of: ({ call }) => call.transcript },
  { name: "metadata", kind: "json", of: ({ call }) => call.metadata },
  // Fields that VoiceInfra has invented since; none is no value, so that an update never blanks earlier ones.
  { name: "extra", kind: "json", of: ({ call }) => (Object.keys(call.unknown ?? {}).length > 0 ? call.unknown : undefined) },
  { name: "schema_version", kind: "integer", of: () => SCHEMA_VERSION },
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

/** Small letters, so that nobody has to quote it: PostgreSQL folds unquoted names, and cuts them at 63 bytes. */
export const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/;

/** Double quotes around, inner ones doubled (SQL-92 §5.2). */
export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
