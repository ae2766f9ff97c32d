/** The answers to claims and skips, from what the ledger says of a row that did not change. */
import type { ClaimAnswer, ClaimLedger, SkipAnswer } from "../claims.ts";
import { FORGOTTEN_REASON } from "../forgotten.ts";
import type { DeliveryState } from "../types.ts";
import type { Row } from "./rows.ts";
import type { Sql } from "./sql.ts";

/** Longest wait for a claim that another process holds: it may end at any moment. */
const ASK_AGAIN_MS = 1_000;
const ASK_SOON_MS = 50;

/** Why a claim or a skip changed nothing. `leftMs`: of the claim that is held, or was. */
export type Unchanged = { forgotten: boolean; returned: boolean; older: boolean; state: DeliveryState; claimed: boolean; leftMs: number };

/** Undefined: there is no row, and nothing else that is known of the call. */
export function toUnchanged({ forgotten, earlier, older, state, claimed, left_ms }: Row): Unchanged | undefined {
  if (state === null && !forgotten) return undefined;
  return {
    forgotten: Boolean(forgotten),
    returned: Boolean(earlier) && !older && !forgotten,
    older: Boolean(older),
    state: String(state) as DeliveryState,
    claimed: Boolean(claimed),
    leftMs: Number(left_ms),
  };
}

/** The answer to a request that claimed nothing: another process holds the row, or there is nothing to do. */
export function claimAnswerOf(unchanged: Unchanged | undefined): ClaimAnswer {
  if (!unchanged) return { kind: "held", retryAfterMs: ASK_SOON_MS };
  const { forgotten, returned, older, state, claimed, leftMs } = unchanged;
  if (forgotten) return { kind: "forgotten" };
  if (returned) return { kind: "returned", state };
  if (state === "sending" && claimed && leftMs > 0) return { kind: "held", retryAfterMs: Math.min(leftMs, ASK_AGAIN_MS) };
  // The claim ended between the two statements, each of which reads the clock, so the next request gets it.
  if (state === "sending" && !older) return { kind: "held", retryAfterMs: ASK_SOON_MS };
  return { kind: "done", state };
}

/** `skipped`: the row that a skip has written; `unchanged`: what the ledger says where it wrote none. */
export function skipAnswerOf(skipped: Row | undefined, unchanged: Unchanged | undefined): SkipAnswer {
  if (skipped) return skipped.reason === FORGOTTEN_REASON ? "forgotten" : "done";
  if (unchanged?.returned) return "returned";
  // Without the time: a claim that ran out since the statement before was still in the way then.
  if (unchanged?.state === "sending" && unchanged.claimed && !unchanged.older) return "held";
  return unchanged?.forgotten ? "forgotten" : "done";
}

export function dueQueries({ all, nowMs }: Sql): Pick<ClaimLedger, "nextDueInMs"> {
  return {
    async nextDueInMs(route) {
      const [row] = await all(
        `SELECT min(at) - ${nowMs} AS in_ms FROM (
           SELECT min(due_at) AS at FROM deliveries WHERE route = $1 AND state = 'waiting'
           UNION ALL SELECT min(claimed_until) FROM deliveries WHERE route = $1 AND state = 'sending' AND body IS NOT NULL AND claim_id IS NOT NULL
         ) AS times`,
        [route],
      );
      return row?.in_ms === null || row?.in_ms === undefined ? undefined : Math.max(0, Number(row.in_ms));
    },
  };
}
