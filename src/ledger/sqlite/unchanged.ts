import type { DatabaseSync } from "node:sqlite";
import type { ClaimRequest } from "../claims.ts";
import { forgottenHash } from "../forgotten.ts";
import { toUnchanged, type Unchanged } from "../sql/answers.ts";
import { lookAtUnchanged, noteOlder, noteReturned } from "../sql/conflicts.ts";
import type { ViewLedger } from "../views.ts";
import { DIALECT } from "./schema.ts";

/** A record as the parameters of a statement. */
export type RecordColumns = Record<"route" | "source" | "callId" | "hash" | "forgottenHash", string> &
  Record<"partition" | "offset" | "acceptedAt", number>;

export function recordColumns(item: ClaimRequest, fingerprint: ViewLedger["fingerprint"]): RecordColumns {
  const { route, source, callId, partition, offset, acceptedAt } = item;
  return {
    route,
    source,
    callId,
    partition,
    offset,
    acceptedAt,
    hash: fingerprint(item.hash),
    forgottenHash: forgottenHash(source, callId),
  };
}

const ITEM = `(SELECT :route AS route, :source AS source, :callId AS call_id, :partition AS log_partition, :offset AS log_offset,
  :hash AS hash, :acceptedAt AS accepted_at, :forgottenHash AS forgotten_hash) AS item`;

/** Reads a row that did not change, and records on it that an earlier version of the call arrived again, or was skipped. */
export function unchangedStatement(db: DatabaseSync): (record: RecordColumns) => Unchanged | undefined {
  const look = db.prepare(lookAtUnchanged(ITEM, DIALECT));
  const note = db.prepare(noteReturned(ITEM, DIALECT));
  const older = db.prepare(noteOlder(ITEM, DIALECT));
  return (record) => {
    const found = toUnchanged(look.get(record) ?? {});
    if (!found || found.forgotten) return found;
    if (found.returned) note.run(record);
    else if (found.older) older.run(record);
    return found;
  };
}
