import type { ClaimRequest } from "../claims.ts";
import { forgottenHash } from "../forgotten.ts";
import { toUnchanged, type Unchanged } from "../sql/answers.ts";
import { lookAtUnchanged, noteOlder, noteReturned } from "../sql/conflicts.ts";
import { keyOf, type Row } from "../sql/rows.ts";
import type { ViewLedger } from "../views.ts";
import type { Database } from "./connect.ts";
import { DIALECT } from "./schema.ts";
import { withoutNul } from "./text.ts";

export function recordColumns(item: ClaimRequest, fingerprint: ViewLedger["fingerprint"]) {
  return {
    route: item.route,
    source: withoutNul(item.source),
    call_id: withoutNul(item.callId),
    log_partition: item.partition,
    log_offset: item.offset,
    hash: fingerprint(item.hash),
    accepted_at: item.acceptedAt,
    forgotten_hash: forgottenHash(item.source, item.callId),
  };
}

const ITEMS = `jsonb_to_recordset($1::jsonb) AS item(route text, source text, call_id text, log_partition integer, log_offset bigint,
  hash text, accepted_at bigint, forgotten_hash text)`;

/**
 * Reads rows that did not change, by {@link keyOf}, and records on them that an earlier version of the call arrived again, or was skipped. A call
 * without a row is absent.
 */
export async function lookAtUnchangedRows(db: Database, records: ReturnType<typeof recordColumns>[]): Promise<Map<string, Unchanged>> {
  if (records.length === 0) return new Map();
  const { rows } = await db.query(lookAtUnchanged(ITEMS, DIALECT), [JSON.stringify(records)]);
  const found = new Map<string, Unchanged>();
  for (const row of rows as Row[]) {
    const unchanged = toUnchanged(row);
    if (unchanged) found.set(keyOf(row), unchanged);
  }
  const returned = records.filter((record) => found.get(keyOf(record))?.returned);
  if (returned.length > 0) await db.query(noteReturned(ITEMS, DIALECT), [JSON.stringify(returned)]);
  const older = records.filter((record) => found.get(keyOf(record))?.older && !found.get(keyOf(record))?.forgotten);
  if (older.length > 0) await db.query(noteOlder(ITEMS, DIALECT), [JSON.stringify(older)]);
  return found;
}
