import { randomUUID } from "node:crypto";
import type { Claim, ClaimAnswer, ClaimRequest, Ledger } from "../ledger.ts";
import { isNewer } from "../record-order.ts";
import {
  isLive,
  isSamePlace,
  type MemoryStore,
  mayHaveArrived,
  openRowsOf,
  passOver,
  type Row,
  returns,
  rowKey,
  versionsWith,
} from "./rows.ts";

/** Gives, renews and finds claims of one store. */
export function createClaims(options: {
  store: MemoryStore;
  nowMs: () => number;
}): Pick<Ledger, "claim" | "claimDue" | "nextDueInMs" | "renew"> {
  const { store, nowMs } = options;
  const { rows } = store;

  function claimOne(item: ClaimRequest, worker: string, leaseMs: number): ClaimAnswer {
    const row = rows.get(rowKey(item));
    if (row && returns(row, item, nowMs())) return { kind: "returned", state: row.state };
    if (row && isLive(row, nowMs())) return { kind: "held", retryAfterMs: Math.min(row.claimedUntil - nowMs(), 1_000) };
    if (row && !mayClaim(row, item)) {
      passOver(row, item);
      return { kind: "done", state: row.state };
    }
    const { route, source, callId, partition, offset, hash, acceptedAt } = item;
    const same = row?.hash === hash;
    const next: Row = {
      route,
      source,
      callId,
      partition,
      offset,
      hash,
      acceptedAt,
      state: "sending",
      claimId: randomUUID(),
      claimedBy: worker,
      claimedUntil: nowMs() + leaseMs,
      ambiguous: mayHaveArrived(row),
      attempts: same ? row.attempts : 0,
      agedMs: same ? row.agedMs : 0,
      paced: false,
      awaits: undefined,
      replay: false,
      sentFields: row?.sentFields ?? [],
      receipt: row?.receipt,
      updatedAt: nowMs(),
      dueAt: undefined,
      errorCode: undefined,
      reason: undefined,
      routesVersion: row?.routesVersion,
      body: undefined,
      versions: same || !row ? (row?.versions ?? []) : versionsWith(row, row.hash),
      unwanted: same ? row.unwanted : undefined,
      returned: row?.returned ?? 0,
      returnedAt: row?.returnedAt,
    };
    if (row) openRowsOf(store, item.route).delete(row);
    rows.set(rowKey(item), next);
    openRowsOf(store, item.route).add(next);
    return { kind: "claimed", claim: toClaim(next) };
  }

  const dueRows = (route: string) => [...openRowsOf(store, route)];

  return {
    claim: async ({ worker, leaseMs, items }) => items.map((item) => claimOne(item, worker, leaseMs)),
    async claimDue({ route, worker, leaseMs, max }) {
      const due = dueRows(route).filter((row) => (dueAtOf(row) ?? Number.POSITIVE_INFINITY) <= nowMs());
      due.sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0));
      return due.slice(0, max).map((row) => {
        const ambiguous = row.state === "sending" || row.ambiguous;
        Object.assign(row, { state: "sending", ambiguous, claimId: randomUUID(), claimedBy: worker, claimedUntil: nowMs() + leaseMs });
        const { partition, offset, hash, acceptedAt, body = new Uint8Array() } = row;
        return { ...toClaim(row), partition, offset, hash, acceptedAt, body };
      });
    },
    renew: async ({ leaseMs, claims }) =>
      claims.map(({ key, claimId }) => {
        const row = rows.get(rowKey(key));
        if (!row || row.claimId !== claimId || row.state !== "sending") return false;
        row.claimedUntil = nowMs() + leaseMs;
        return true;
      }),
    async nextDueInMs(route) {
      const times = dueRows(route)
        .map(dueAtOf)
        .filter((at) => at !== undefined);
      return times.length === 0 ? undefined : Math.max(0, Math.min(...times) - nowMs());
    },
  };
}

function mayClaim(row: Row, item: ClaimRequest): boolean {
  if (row.state === "sending") return isNewer(item, row) || isSamePlace(row, item);
  if (row.state === "skipped") return isNewer(item, row);
  return isNewer(item, row) && item.hash !== row.hash;
}

function dueAtOf(row: Row): number | undefined {
  if (row.state === "waiting") return row.dueAt;
  return row.state === "sending" && row.body && row.claimId !== undefined ? row.claimedUntil : undefined;
}

function toClaim(row: Row): Claim {
  const { route, source, callId, claimId = "", ambiguous, attempts, receipt, sentFields, agedMs, paced, awaits, replay } = row;
  return { route, source, callId, claimId, ambiguous, attempts, receipt, sentFields: [...sentFields], agedMs, paced, awaits, replay };
}
