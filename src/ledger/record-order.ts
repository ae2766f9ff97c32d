/** Which of two records of one call is the newer: the one rule of both engines (in SQL: `conflicts.ts`), of `after` and of `audit`. */
import type { LogPosition } from "./types.ts";

/** Where a record lies in the log, and when the ingress accepted it, Unix ms. */
export interface RecordPlace extends LogPosition {
  acceptedAt: number;
}

/**
 * Further on in its partition, or accepted later. Either is enough: offsets of two partitions, or of two lives of one topic, cannot be
 * compared, and the clocks of two ingresses differ. A record that is older in truth and newer by one of the two is known by its content:
 * the ledger remembers the versions that a call has had.
 */
export function isNewer(one: RecordPlace, other: RecordPlace): boolean {
  return (one.partition === other.partition && one.offset > other.offset) || one.acceptedAt > other.acceptedAt;
}
