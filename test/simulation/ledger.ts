/** The ledger's contract in memory, on a clock that is given: the ledger of `src/ledger/memory`, and what only a simulation needs. */
import type { DeliveryRow, Ledger, RouteCounts, WorkerHeartbeat } from "../../src/ledger/ledger.ts";
import { createMemoryLedger } from "../../src/ledger/memory/index.ts";
import {
  createMemoryStore,
  isSamePlace,
  type MemoryStore,
  openRowsOf,
  placeOf,
  rowKey,
  versionsWith,
} from "../../src/ledger/memory/rows.ts";
import type { ReplayAnswer, ReplayItem } from "../../src/ledger/operations.ts";
import type { AwaitingDelivery } from "../../src/ledger/receipts.ts";
import { isNewer } from "../../src/ledger/record-order.ts";
import type { RowProof } from "../../src/ledger/views.ts";

/** The rows are given, so that several may look at one store, as several processes do at one database. */
export interface SimulatedStore extends MemoryStore {
  workers: Map<string, { beat: WorkerHeartbeat; at: number }>;
  meta: Map<string, string>;
  /** Of the log, by partition. */
  ends: Map<number, number>;
}

export function createStore(): SimulatedStore {
  return { ...createMemoryStore(), workers: new Map(), meta: new Map(), ends: new Map() };
}

export function createSimulatedLedger(options: { store: SimulatedStore; nowMs: () => number }): Ledger {
  const { store, nowMs } = options;
  const { rows } = store;
  const memory = createMemoryLedger(options);
  const openRows = (route: string) => [...openRowsOf(store, route)];

  function enqueueOne(item: ReplayItem, dueInMs: number): ReplayAnswer {
    const row = rows.get(rowKey(item));
    if (!row) throw new Error("in the simulation only what was delivered is put on its route again");
    if (row.state === "waiting" || row.state === "sending") return "open";
    if (isNewer(row, item)) return "newer";
    const { partition, offset, hash, acceptedAt, body } = item;
    const afresh = { attempts: 0, agedMs: 0, paced: false, replay: true, errorCode: undefined, reason: undefined };
    Object.assign(row, afresh, {
      state: "waiting",
      partition,
      offset,
      hash,
      acceptedAt,
      body,
      dueAt: nowMs() + dueInMs,
      updatedAt: nowMs(),
      ...(row.hash === hash ? {} : { versions: versionsWith(row, row.hash), unwanted: undefined }),
    });
    openRowsOf(store, row.route).add(row);
    return "queued";
  }

  const outcomeOf = (route: string, { source, callId }: { source: string; callId: string }) => {
    const row = rows.get(rowKey({ route, source, callId }));
    return row && { state: row.state, place: placeOf(row), receipt: row.receipt };
  };
  const open = new Proxy({} as Ledger, { get: (_, name) => () => Promise.reject(new Error(`${String(name)} is not in the simulation`)) });

  return new Proxy(
    {
      ...memory,
      async awaiting({ route, after, limit, from }) {
        const place = ({ source, callId }: { source: string; callId: string }) => `${source}\n${callId}`;
        for (const row of store.awaiting) {
          if (rows.get(rowKey(row)) !== row || row.awaits === undefined || row.state !== "delivered") store.awaiting.delete(row);
        }
        return [...store.awaiting]
          .filter((row) => row.route === route && row.awaits === after)
          .filter((row) => from === undefined || place(row) > place(from))
          .sort((a, b) => (place(a) < place(b) ? -1 : 1))
          .slice(0, limit)
          .map((row): AwaitingDelivery => {
            const { source, callId } = row;
            return { route, source, callId, ...placeOf(row), other: outcomeOf(after, row) };
          });
      },
      adding: async (route) => openRows(route).filter(({ replay, awaits }) => replay && awaits !== undefined).length,
      async awaitNoLonger(given) {
        for (const one of given) {
          const row = rows.get(rowKey(one));
          if (row?.state === "delivered" && isSamePlace(row, one)) row.awaits = undefined;
        }
      },
      enqueue: async ({ items, dueInMs }) => items.map((item) => enqueueOne(item, dueInMs)),
      replaying: async (route) => openRows(route).filter(({ replay }) => replay).length,
      routeStarts: async () => new Map(store.starts),
      async mirrorPositions({ route, positions }) {
        const known = store.positions.get(route) ?? new Map<number, number>();
        for (const { partition, offset } of positions) known.set(partition, Math.max(offset, known.get(partition) ?? 0));
        store.positions.set(route, known);
      },
      async deliveries({ callId, route, state, limit }) {
        return [...rows.values()]
          .filter(
            (row) => (callId ?? row.callId) === row.callId && (route ?? row.route) === row.route && (state ?? row.state) === row.state,
          )
          .sort((a, b) => b.updatedAt - a.updatedAt)
          .slice(0, limit)
          .map(({ body: _body, ...row }): DeliveryRow => row);
      },
      async counts() {
        const byRoute = new Map<string, RouteCounts>();
        for (const row of rows.values()) {
          const { route } = row;
          const known = byRoute.get(route) ?? { route, delivered: 0, skipped: 0, waiting: 0, dead: 0, sending: 0, nextDueAt: undefined };
          const nextDueAt =
            row.state === "waiting" ? Math.min(row.dueAt ?? 0, known.nextDueAt ?? Number.POSITIVE_INFINITY) : known.nextDueAt;
          byRoute.set(route, { ...known, [row.state]: known[row.state] + 1, nextDueAt });
        }
        return [...byRoute.values()].sort((a, b) => a.route.localeCompare(b.route));
      },
      fingerprint: (hash) => hash,
      async bindLog({ identity, earlier = [] }) {
        const bound = store.meta.get("log");
        if (bound === undefined || earlier.includes(bound)) store.meta.set("log", identity);
        return store.meta.get("log") ?? identity;
      },
      boundLog: async () => store.meta.get("log"),
      async adoptLog({ identity, from }) {
        store.meta.set("log", identity);
        store.positions.clear();
        store.ends.clear();
        for (const route of store.starts.keys()) store.starts.set(route, from);
      },
      async noteSeen(ends) {
        for (const { partition, offset } of ends) store.ends.set(partition, Math.max(offset, store.ends.get(partition) ?? 0));
      },
      async seen() {
        const known = new Map(store.ends);
        for (const positions of store.positions.values())
          for (const [partition, offset] of positions) known.set(partition, Math.max(offset, known.get(partition) ?? 0));
        return [...known].sort(([a], [b]) => a - b).map(([partition, offset]) => ({ partition, offset }));
      },
      proofs: async ({ route, keys }) =>
        keys.flatMap(({ source, callId }): RowProof[] => {
          const row = rows.get(rowKey({ route, source, callId }));
          if (!row) return [];
          const { state, hash, body, versions } = row;
          const earlier = versions.slice(-100).map((one) => one.slice(0, 16));
          const claimLeftMs = row.claimId === undefined ? undefined : row.claimedUntil - nowMs();
          return [{ route, source, callId, ...placeOf(row), state, hash, earlier, hasBody: body !== undefined, claimLeftMs }];
        }),
      knownRoutes: async () => [...store.starts.keys()],
      heartbeat: async (beat) => void store.workers.set(beat.worker, { beat, at: nowMs() }),
      goodbye: async (worker) => void store.workers.delete(worker),
      workers: async () => [...store.workers.values()].map(({ beat, at }) => ({ ...beat, ageMs: nowMs() - at })),
      check: async () => undefined,
      close: async () => undefined,
    } satisfies Partial<Ledger> as unknown as Ledger,
    { get: (target, name: keyof Ledger) => target[name] ?? (name === ("then" as never) ? undefined : open[name]) },
  );
}
