import type { Ledger, Settlement, SettleRequest, SkipAnswer, SkipRequest } from "../ledger.ts";
import { isNewer } from "../record-order.ts";
import {
  isLive,
  isSamePlace,
  MAX_REASON_LENGTH,
  type MemoryStore,
  mayHaveArrived,
  NO_CLAIM,
  openRowsOf,
  passOver,
  type Row,
  returns,
  rowKey,
  versionsWith,
} from "./rows.ts";

/** Settles claims of one store, and skips records that a route does not want. */
export function createSettlements(options: { store: MemoryStore; nowMs: () => number }): Pick<Ledger, "settle" | "skip"> {
  const { store, nowMs } = options;
  const { rows } = store;

  function settleOne({ settlement, routesVersion, claimId, ...key }: SettleRequest): boolean {
    const row = rows.get(rowKey(key));
    if (!row || row.claimId !== claimId) return false;
    Object.assign(row, changesOf(row, settlement, nowMs()), NO_CLAIM, { routesVersion, updatedAt: nowMs() });
    if (row.state !== "sending" && row.state !== "waiting") openRowsOf(store, row.route).delete(row);
    if (row.state === "delivered" && row.awaits !== undefined) store.awaiting.add(row);
    return true;
  }

  function skipOne(item: SkipRequest): SkipAnswer {
    const { route, source, callId, partition, offset, hash, acceptedAt, reason, routesVersion } = item;
    const row = rows.get(rowKey(item));
    if (row && returns(row, item, nowMs())) return "returned";
    if (row && !isNewer(item, row) && !isSamePlace(row, item)) {
      passOver(row, item);
      return "done";
    }
    if (row && isLive(row, nowMs())) return "held";
    const kept = row?.receipt !== undefined;
    if (row) openRowsOf(store, route).delete(row);
    rows.set(rowKey(item), {
      attempts: 0,
      sentFields: [],
      receipt: undefined,
      returned: 0,
      returnedAt: undefined,
      ...row,
      ...versionsOfSkip(row, hash, kept),
      ...NO_CLAIM,
      route,
      source,
      callId,
      partition,
      offset,
      acceptedAt,
      reason: reason.slice(0, MAX_REASON_LENGTH),
      routesVersion,
      state: kept ? "delivered" : "skipped",
      hash: kept ? row.hash : hash,
      agedMs: 0,
      ambiguous: mayHaveArrived(row),
      paced: false,
      awaits: undefined,
      replay: false,
      dueAt: undefined,
      errorCode: undefined,
      body: undefined,
      updatedAt: nowMs(),
    });
    return "done";
  }

  return { settle: async (items) => items.map(settleOne), skip: async (items) => items.map(skipOne) };
}

function changesOf(row: Row, settlement: Settlement, nowMs: number): Partial<Row> {
  const reason = "reason" in settlement ? settlement.reason.slice(0, MAX_REASON_LENGTH) : undefined;
  const cleared = { paced: false, awaits: undefined, replay: false, dueAt: undefined, errorCode: undefined, body: undefined };
  const ended = { ...cleared, ambiguous: false, reason };
  switch (settlement.kind) {
    case "delivered": {
      const sentFields = [...new Set([...row.sentFields, ...settlement.sentFields])];
      return { ...ended, state: "delivered", attempts: 0, agedMs: 0, receipt: settlement.receipt, sentFields, awaits: settlement.awaits };
    }
    case "skipped":
      return { ...ended, ...skippedOf(row), agedMs: 0, ambiguous: row.ambiguous };
    case "waiting": {
      const { dueInMs, errorCode, ambiguous = false, paced = false, awaits, body } = settlement;
      const counted = paced || awaits !== undefined ? {} : { attempts: row.attempts + 1, agedMs: row.agedMs + dueInMs };
      return { ...counted, state: "waiting", dueAt: nowMs + dueInMs, errorCode, reason, ambiguous, paced, awaits, body };
    }
    case "dead": {
      const { errorCode, ambiguous = false, body } = settlement;
      return { ...ended, state: "dead", attempts: row.attempts + 1, errorCode, ambiguous, body };
    }
    case "released":
      return row.body ? { state: "waiting", dueAt: nowMs } : { state: "sending" };
  }
}

const skippedOf = (row: Row): Partial<Row> =>
  row.receipt ? { state: "delivered", hash: "skipped", versions: versionsWith(row, "skipped"), unwanted: row.hash } : { state: "skipped" };

/** A row's versions once a record that its route does not want was read. */
function versionsOfSkip(row: Row | undefined, hash: string, kept: boolean): Pick<Row, "versions" | "unwanted"> {
  if (!row || row.hash === hash || row.unwanted === hash) return { versions: row?.versions ?? [], unwanted: row?.unwanted };
  return kept ? { versions: versionsWith(row, "skipped"), unwanted: hash } : { versions: versionsWith(row, row.hash), unwanted: undefined };
}
