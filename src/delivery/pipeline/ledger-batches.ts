import type { ClaimAnswer, ClaimRequest, DeliveryKey, Ledger, SettleRequest, SkipAnswer, SkipRequest } from "../../ledger/ledger.ts";
import type { DeliveryOutcome } from "../../ledger/receipts.ts";
import { createBatcher } from "../../lib/async/batcher.ts";
import type { Clock } from "../../lib/time/clock.ts";

/** The ledger, delivery by delivery: requests made at the same time go in one statement. Shared by the routes of a process. */
export interface LedgerBatches {
  claim(item: ClaimRequest): Promise<ClaimAnswer>;
  settle(item: SettleRequest): Promise<boolean>;
  skip(item: SkipRequest): Promise<SkipAnswer>;
  outcome(key: DeliveryKey): Promise<DeliveryOutcome | undefined>;
}

const MAX_ROWS = 500;
const MAX_BODY_BYTES = 4_000_000;

export function batchLedger(options: { ledger: Ledger; worker: string; leaseMs: number; clock: Clock }): LedgerBatches {
  const { ledger, worker, leaseMs, clock } = options;
  const { defer } = clock;
  // Two at once: while one batch is on its way to the database, the next one fills.
  const concurrency = ledger.engine === "postgres" ? 2 : 1;

  const claims = createBatcher<ClaimRequest, ClaimAnswer>({
    maxItems: MAX_ROWS,
    concurrency,
    defer,
    run: (items) => ledger.claim({ worker, leaseMs, items }),
  });
  const settlements = createBatcher<SettleRequest, boolean>({
    maxItems: MAX_ROWS,
    maxBytes: MAX_BODY_BYTES,
    sizeOf: ({ settlement }) => ("body" in settlement ? settlement.body.byteLength : 0),
    concurrency,
    defer,
    run: (items) => ledger.settle(items),
  });
  const skips = createBatcher<SkipRequest, SkipAnswer>({ maxItems: MAX_ROWS, concurrency, defer, run: (items) => ledger.skip(items) });
  const outcomes = createBatcher<DeliveryKey, DeliveryOutcome | undefined>({
    maxItems: MAX_ROWS,
    concurrency,
    defer,
    run: (keys) => ledger.outcomes(keys),
  });

  return {
    claim: (item) => claims.add(item),
    settle: (item) => settlements.add(item),
    skip: (item) => skips.add(item),
    outcome: (key) => outcomes.add(key),
  };
}
