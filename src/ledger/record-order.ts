/** Which of two records of one call is the newer: the one rule of both engines (in SQL: `conflicts.ts`), of `after` and of `audit`. */
import type { LogPosition } from "./types.ts";

/** Where a record lies in the log, and when the ingress accepted it, Unix ms. */
export interface RecordPlace extends LogPosition {
  acceptedAt: number;
}

/**
 * Further in its partition, or accepted later. Either is enough: offsets of two partitions, or of a topic that was created again, cannot be
 * compared, and the clocks of two ingresses differ. A record that is really older but newer by one of the two is recognised by its content: the
 * ledger keeps the versions that a call has had.
 */
export function isNewer(one: RecordPlace, other: RecordPlace): boolean {
  return (one.partition === other.partition && one.offset > other.offset) || one.acceptedAt > other.acceptedAt;
}
