/** The ledger's contract in memory, on a clock that is given. `ledger.test.ts` holds it to the contract's own suite. */
import { randomUUID } from "node:crypto";
import type { Pause } from "../../src/ledger/controls.ts";
import type {
  Claim,
  ClaimAnswer,
  ClaimRequest,
  DeliveryKey,
  DeliveryRow,
  DeliveryState,
  Ledger,
  LogPosition,
  Receipt,
  RouteCounts,
  Settlement,
  SettleRequest,
  SkipAnswer,
  SkipRequest,
  WorkerHeartbeat,
} from "../../src/ledger/ledger.ts";
import type { ReplayAnswer, ReplayItem } from "../../src/ledger/operations.ts";
import type { AwaitingDelivery } from "../../src/ledger/receipts.ts";
import { isNewer, type RecordPlace } from "../../src/ledger/record-order.ts";
import type { RowProof } from "../../src/ledger/views.ts";

export interface Row extends DeliveryKey, LogPosition {
  state: DeliveryState;
  claimId: string | undefined;
  claimedBy: string | undefined;
  claimedUntil: number;
  ambiguous: boolean;
  attempts: number;
  agedMs: number;
  paced: boolean;
  awaits: string | undefined;
  replay: boolean;
  hash: string;
  sentFields: string[];
  receipt: Receipt | undefined;
  acceptedAt: number;
  updatedAt: number;
  dueAt: number | undefined;
  errorCode: string | undefined;
  reason: string | undefined;
  routesVersion: string | undefined;
  body: Uint8Array | undefined;
  /** Hashes of earlier versions of the call. */
  versions: string[];
  /** Of the newest version, where the call was delivered before it and the route does not want it. */
  unwanted: string | undefined;
  returned: number;
  returnedAt: number | undefined;
}

/** The rows are given, so that several may look at one store, as several processes do at one database. */
export interface LedgerStore {
  rows: Map<string, Row>;
  starts: Map<string, LogPosition[]>;
  positions: Map<string, Map<number, number>>;
  pauses: Map<string, Pause>;
  workers: Map<string, { beat: WorkerHeartbeat; at: number }>;
  limiters: Map<string, { notBefore: number; nextAt: number }>;
  meta: Map<string, string>;
  /** Of the log, by partition. */
  ends: Map<number, number>;
  /** Rows that have not ended, by route: what the due loop looks through. */
  open: Map<string, Set<Row>>;
  /** Delivered rows that went without another route's receipt. */
  awaiting: Set<Row>;
}

export function createStore(): LedgerStore {
  const maps = { rows: new Map(), starts: new Map(), positions: new Map(), pauses: new Map(), workers: new Map() };
  return { ...maps, limiters: new Map(), meta: new Map(), ends: new Map(), open: new Map(), awaiting: new Set() };
}

export const rowKey = ({ route, source, callId }: DeliveryKey) => `${route}\n${source}\n${callId}`;
const MAX_REASON_LENGTH = 1_000;

export function createMemoryLedger(options: { store: LedgerStore; nowMs: () => number }): Ledger {
  const { store, nowMs } = options;
  const { rows } = store;
  const openOf = (route: string) => {
    const known = store.open.get(route);
    if (known) return known;
    const made = new Set<Row>();
    store.open.set(route, made);
    return made;
  };
  const isLive = (row: Row) => row.state === "sending" && row.claimId !== undefined && row.claimedUntil > nowMs();
  const mayHaveArrived = (row: Row | undefined) =>
    row !== undefined && (row.ambiguous || (row.state === "sending" && row.claimId !== undefined));
  const NO_CLAIM = { claimId: undefined, claimedBy: undefined, claimedUntil: 0 };

  function claimOne(item: ClaimRequest, worker: string, leaseMs: number): ClaimAnswer {
    const row = rows.get(rowKey(item));
    if (row && returns(row, item)) return { kind: "returned", state: row.state };
    if (row && isLive(row)) return { kind: "held", retryAfterMs: Math.min(row.claimedUntil - nowMs(), 1_000) };
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
    if (row) openOf(item.route).delete(row);
    rows.set(rowKey(item), next);
    openOf(item.route).add(next);
    return { kind: "claimed", claim: toClaim(next) };
  }

  const isSamePlace = (row: Row, item: LogPosition) => row.partition === item.partition && row.offset === item.offset;
  /** `skipped` stands where a hash was. */
  const versionsWith = ({ versions, unwanted }: Row, hash: string) =>
    [...new Set([...versions, ...(unwanted === undefined ? [] : [unwanted]), hash])].filter((one) => one !== "skipped");

  function mayClaim(row: Row, item: ClaimRequest): boolean {
    if (row.state === "sending") return isNewer(item, row) || isSamePlace(row, item);
    if (row.state === "skipped") return isNewer(item, row);
    return isNewer(item, row) && item.hash !== row.hash;
  }

  /** An earlier version of the call comes again. */
  function returns(row: Row, item: ClaimRequest): boolean {
    if (!isNewer(item, row) || item.hash === row.hash || !row.versions.includes(item.hash)) return false;
    if (row.partition !== item.partition || row.offset < item.offset)
      Object.assign(row, { returned: row.returned + 1, returnedAt: nowMs() });
    return true;
  }

  /** What a record changes that is passed over: the call has had its version; the row's own content came with it first. */
  function passOver(row: Row, item: ClaimRequest): void {
    if (isNewer(item, row) || isSamePlace(row, item)) return;
    const { partition, offset, acceptedAt, hash } = item;
    if (hash === row.hash) Object.assign(row, { acceptedAt }, row.state === "sending" ? {} : { partition, offset });
    else if (!row.versions.includes(hash)) row.versions = [...row.versions, hash];
  }

  const toClaim = (row: Row): Claim => {
    const { route, source, callId, claimId = "", ambiguous, attempts, receipt, sentFields, agedMs, paced, awaits, replay } = row;
    return { route, source, callId, claimId, ambiguous, attempts, receipt, sentFields: [...sentFields], agedMs, paced, awaits, replay };
  };

  function settleOne({ settlement, routesVersion, claimId, ...key }: SettleRequest): boolean {
    const row = rows.get(rowKey(key));
    if (!row || row.claimId !== claimId) return false;
    Object.assign(row, changesOf(row, settlement), NO_CLAIM, { routesVersion, updatedAt: nowMs() });
    if (row.state !== "sending" && row.state !== "waiting") openOf(row.route).delete(row);
    if (row.state === "delivered" && row.awaits !== undefined) store.awaiting.add(row);
    return true;
  }

  function changesOf(row: Row, settlement: Settlement): Partial<Row> {
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
        return { ...counted, state: "waiting", dueAt: nowMs() + dueInMs, errorCode, reason, ambiguous, paced, awaits, body };
      }
      case "dead": {
        const { errorCode, ambiguous = false, body } = settlement;
        return { ...ended, state: "dead", attempts: row.attempts + 1, errorCode, ambiguous, body };
      }
      case "released":
        return row.body ? { state: "waiting", dueAt: nowMs() } : { state: "sending" };
    }
  }

  const skippedOf = (row: Row): Partial<Row> =>
    row.receipt
      ? { state: "delivered", hash: "skipped", versions: versionsWith(row, "skipped"), unwanted: row.hash }
      : { state: "skipped" };

  /** A row's versions once a record that its route does not want was read. */
  function versionsOfSkip(row: Row | undefined, hash: string, kept: boolean): Pick<Row, "versions" | "unwanted"> {
    if (!row || row.hash === hash || row.unwanted === hash) return { versions: row?.versions ?? [], unwanted: row?.unwanted };
    return kept
      ? { versions: versionsWith(row, "skipped"), unwanted: hash }
      : { versions: versionsWith(row, row.hash), unwanted: undefined };
  }

  function skipOne(item: SkipRequest): SkipAnswer {
    const { route, source, callId, partition, offset, hash, acceptedAt, reason, routesVersion } = item;
    const row = rows.get(rowKey(item));
    if (row && returns(row, item)) return "returned";
    if (row && !isNewer(item, row) && !isSamePlace(row, item)) {
      passOver(row, item);
      return "done";
    }
    if (row && isLive(row)) return "held";
    const kept = row?.receipt !== undefined;
    if (row) openOf(route).delete(row);
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
    openOf(row.route).add(row);
    return "queued";
  }

  const placeOf = ({ partition, offset, acceptedAt }: Row): RecordPlace => ({ partition, offset, acceptedAt });
  const outcomeOf = (key: DeliveryKey) => {
    const row = rows.get(rowKey(key));
    return row && { state: row.state, place: placeOf(row), receipt: row.receipt };
  };
  const dueAtOf = (row: Row): number | undefined => {
    if (row.state === "waiting") return row.dueAt;
    return row.state === "sending" && row.body && row.claimId !== undefined ? row.claimedUntil : undefined;
  };
  const openRows = (route: string) => [...openOf(route)];
  const open = new Proxy({} as Ledger, { get: (_, name) => () => Promise.reject(new Error(`${String(name)} is not in the simulation`)) });

  return new Proxy(
    {
      name: "memory",
      engine: "sqlite",
      claim: async ({ worker, leaseMs, items }) => items.map((item) => claimOne(item, worker, leaseMs)),
      async claimDue({ route, worker, leaseMs, max }) {
        const due = openRows(route).filter((row) => (dueAtOf(row) ?? Number.POSITIVE_INFINITY) <= nowMs());
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
      settle: async (items) => items.map(settleOne),
      skip: async (items) => items.map(skipOne),
      outcomes: async (keys) => keys.map(outcomeOf),
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
            return { route, source, callId, ...placeOf(row), other: outcomeOf({ route: after, source, callId }) };
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
      async nextDueInMs(route) {
        const times = openRows(route)
          .map(dueAtOf)
          .filter((at) => at !== undefined);
        return times.length === 0 ? undefined : Math.max(0, Math.min(...times) - nowMs());
      },
      async routeStart({ route, resolve }) {
        if (!store.starts.has(route)) {
          const resolved = await resolve();
          if (!store.starts.has(route)) store.starts.set(route, resolved);
        }
        return store.starts.get(route) ?? [];
      },
      routeStarts: async () => new Map(store.starts),
      async mirrorPositions({ route, positions }) {
        const known = store.positions.get(route) ?? new Map<number, number>();
        for (const { partition, offset } of positions) known.set(partition, Math.max(offset, known.get(partition) ?? 0));
        store.positions.set(route, known);
      },
      mirroredPositions: async (route) =>
        [...(store.positions.get(route) ?? [])].sort(([a], [b]) => a - b).map(([partition, offset]) => ({ partition, offset })),
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
      async controls() {
        const routes = [...store.pauses].map(([route, pause]) => ({ route, pause, skipBefore: undefined }));
        const holds = [...store.limiters]
          .map(([key, { notBefore }]) => ({ key, forMs: notBefore - nowMs() }))
          .filter(({ forMs }) => forMs > 0);
        return { routes, holds, forgotten: [] };
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
      check: async () => undefined,
      close: async () => undefined,
    } satisfies Partial<Ledger> as unknown as Ledger,
    { get: (target, name: keyof Ledger) => target[name] ?? (name === ("then" as never) ? undefined : open[name]) },
  );
}
