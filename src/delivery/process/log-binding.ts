/** A ledger belongs to one log: with another, or with one that has lost its end, new calls would count as known ones. */
import { UsageError } from "../../errors.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import type { Clock } from "../../lib/time/clock.ts";
import { CALLS_TOPIC, type Log, type PartitionRange } from "../../log/log.ts";

/** A broker that has just become a leader may not know the log's end yet. */
const LOOK_AGAIN_TIMES = 6;
const LOOK_AGAIN_MS = 500;

const WAYS_OUT =
  "Name the log and the ledger that belong together (--log, --ledger), or put both back from one backup (patchbay restore). " +
  "Where what the log has lost is gone for good: patchbay adopt-log; every route then begins at the oldest call that the log has, and what was delivered is not sent twice.";

/** Binds a new ledger to the log. @throws {UsageError} with the ways out, where the ledger belongs to another log or has seen more than the log has. */
export async function bindLedgerToLog(options: { log: Log; ledger: Ledger; clock: Pick<Clock, "sleep"> }): Promise<void> {
  const { log, ledger, clock } = options;
  await ledger.bindLog({ identity: await log.identity(), earlier: (await log.earlierIdentities?.()) ?? [] });
  for (let looks = 1; ; looks += 1) {
    const mismatch = await logMismatch({ log, ledger });
    if (mismatch === undefined) return;
    if (looks === LOOK_AGAIN_TIMES) throw new UsageError(mismatch, { hint: WAYS_OUT });
    await clock.sleep(LOOK_AGAIN_MS);
  }
}

/** Why the ledger and the log do not belong together, for people; undefined where they do. Changes nothing. */
export async function logMismatch(options: { log: Log; ledger: Ledger }): Promise<string | undefined> {
  const { log, ledger } = options;
  const [identity, bound] = [await log.identity(), await ledger.boundLog()];
  const earlier = (await log.earlierIdentities?.()) ?? [];
  if (bound !== undefined && bound !== identity && !earlier.includes(bound))
    return `the ledger ${ledger.name} belongs to another log than ${log.name}: that one was lost and made again, or one of the two names is wrong`;
  const seen = await ledger.seen();
  const ranges = await log.ranges(CALLS_TOPIC);
  const behind = seen.find(({ partition, offset }) => endOf(ranges, partition) < offset);
  if (!behind) return undefined;
  return (
    `the ledger ${ledger.name} has seen calls that the log ${log.name} does not have: ` +
    `partition ${behind.partition} ends at offset ${endOf(ranges, behind.partition)}, and ${behind.offset} was read; the log was put back from an older copy, or has lost its end`
  );
}

function endOf(ranges: PartitionRange[], partition: number): number {
  return ranges.find((range) => range.partition === partition)?.high ?? 0;
}
