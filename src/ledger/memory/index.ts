/** The part of the ledger's contract that deliveries use, in memory: for `certify`, and for the simulation, which adds the rest. */
import type { DeliveryKey, Ledger } from "../ledger.ts";
import { createClaims } from "./claims.ts";
import { type MemoryStore, placeOf, rowKey } from "./rows.ts";
import { createSettlements } from "./settle.ts";

export type MemoryLedger = Pick<
  Ledger,
  | "name"
  | "engine"
  | "claim"
  | "claimDue"
  | "nextDueInMs"
  | "renew"
  | "settle"
  | "skip"
  | "outcomes"
  | "routeStart"
  | "mirroredPositions"
  | "controls"
  | "pause"
  | "resume"
  | "reserve"
  | "holdBack"
>;

export function createMemoryLedger(options: { store: MemoryStore; nowMs: () => number }): MemoryLedger {
  const { store, nowMs } = options;
  const outcomeOf = (key: DeliveryKey) => {
    const row = store.rows.get(rowKey(key));
    return row && { state: row.state, place: placeOf(row), receipt: row.receipt };
  };

  return {
    name: "memory",
    engine: "sqlite",
    ...createClaims(options),
    ...createSettlements(options),
    outcomes: async (keys) => keys.map(outcomeOf),
    async routeStart({ route, resolve }) {
      if (!store.starts.has(route)) {
        const resolved = await resolve();
        if (!store.starts.has(route)) store.starts.set(route, resolved);
      }
      return store.starts.get(route) ?? [];
    },
    mirroredPositions: async (route) =>
      [...(store.positions.get(route) ?? [])].sort(([a], [b]) => a - b).map(([partition, offset]) => ({ partition, offset })),
    async controls() {
      const routes = [...store.pauses].map(([route, pause]) => ({ route, pause, skipBefore: undefined }));
      const holds = [...store.limiters]
        .map(([key, { notBefore }]) => ({ key, forMs: notBefore - nowMs() }))
        .filter(({ forMs }) => forMs > 0);
      return { routes, holds };
    },
    async pause({ route, kind, reason, by }) {
      if (store.pauses.has(route)) return false;
      store.pauses.set(route, { kind, reason, by, at: nowMs() });
      return true;
    },
    resume: async ({ route }) => store.pauses.delete(route),
    async reserve({ key, count, intervalMs }) {
      const known = store.limiters.get(key) ?? { notBefore: 0, nextAt: 0 };
      const first = Math.max(known.nextAt, known.notBefore, nowMs());
      store.limiters.set(key, { ...known, nextAt: first + Math.ceil(count * intervalMs) });
      return first - nowMs();
    },
    async holdBack({ key, forMs }) {
      const known = store.limiters.get(key) ?? { notBefore: 0, nextAt: 0 };
      store.limiters.set(key, { ...known, notBefore: Math.max(known.notBefore, nowMs() + forMs) });
    },
  };
}
