import { isRunning } from "../delivery/process/heartbeat.ts";
import { logMismatch } from "../delivery/process/log-binding.ts";
import { groupOf } from "../delivery/route/start-position.ts";
import type { Ledger, RouteCounts, WorkerRow } from "../ledger/ledger.ts";
import type { LostRange } from "../ledger/losses.ts";
import { CALLS_TOPIC, type CommittedPosition, type Log, type PartitionRange, type Position } from "../log/log.ts";
import { sumOfUnknown, type UnknownSeen } from "../model/unknown-calls.ts";
import type { Route } from "../route.ts";
import { causeOf, type LedgerState, readLedgerState, statesOf } from "./causes.ts";

export interface PartitionLag {
  partition: number;
  /** The group's committed position; `undefined` before its first commit. */
  committed: number | undefined;
  high: number;
  lag: number;
}

/** How far a route is behind, and why. */
export interface RouteLag {
  route: string;
  connector: string;
  destination: string;
  /** Calls in the log that the route has not done with. */
  lag: number;
  partitions: PartitionLag[];
  /** Age of the oldest call not done with; 0 when there is none, undefined when it is unknown. */
  oldestAgeMs: number | undefined;
  /** Calls that reached an end per second, all replicas together. */
  endedPerSecond: number;
  /** At that rate; undefined when nothing moves. */
  timeToEmptyMs: number | undefined;
  inFlight: number;
  replicas: number;
  waiting: number;
  nextDueInMs: number | undefined;
  dead: number;
  /** Calls that it will never read and of which nobody knows yet: `accept-loss`. */
  lost: LostRange[];
  /** Why it does not progress, if it does not. */
  cause: string | undefined;
}

export interface LagReport {
  routes: RouteLag[];
  /** Ids that the ledger still has rows or positions of: retire them, or put them back. */
  notInFile: string[];
  /** Workers that go on with an earlier file, and why. */
  fileProblems: string[];
  /** Why the ledger and the log do not belong together, if they do not: nothing is delivered then. */
  mismatch: string | undefined;
  /** Calls that the file says too little of, all running processes together. */
  unknown: UnknownSeen;
  /** Why the ledger's part (waiting, dead, rates, causes) is missing, if it is. */
  ledgerAway: string | undefined;
}

interface LedgerPart extends LedgerState {
  starts: Map<string, Position[]>;
  counts: RouteCounts[];
  known: string[];
  lost: LostRange[];
}

/** Lag of each route: offsets from the log, the rest from the ledger; offsets alone when the ledger is away. */
export async function readLag(options: {
  routes: Route[];
  log: Log;
  ledger: Ledger | { away: string };
  nowMs: number;
}): Promise<LagReport> {
  const { routes, log, ledger, nowMs } = options;
  const committed = await Promise.all(routes.map((route) => log.committed({ group: groupOf(route.id), topic: CALLS_TOPIC })));
  // After the committed positions: a position can then never seem to be ahead of the end.
  const ranges = await log.ranges(CALLS_TOPIC);
  const fromLedger = await readLedger(ledger);
  const away = "away" in fromLedger ? fromLedger.away : undefined;
  const part = "away" in fromLedger ? undefined : fromLedger;
  return {
    ledgerAway: away,
    mismatch: "away" in ledger || away !== undefined ? undefined : await logMismatch({ log, ledger }).catch(() => undefined),
    notInFile: (part?.known ?? []).filter((id) => !routes.some((route) => route.id === id)),
    fileProblems: [...new Set((part?.workers ?? []).filter(isRunning).flatMap(({ routesProblem }) => routesProblem ?? []))],
    unknown: sumOfUnknown((part?.workers ?? []).filter(isRunning).flatMap(({ unknown }) => unknown ?? [])),
    routes: routes.map((route, index) => lagOfRoute({ route, committed: committed[index] ?? [], ranges, part, nowMs })),
  };
}

async function readLedger(ledger: Ledger | { away: string }): Promise<LedgerPart | { away: string }> {
  if ("away" in ledger) return ledger;
  try {
    const [standing, starts, counts, known, lost] = await Promise.all([
      readLedgerState(ledger),
      ledger.routeStarts(),
      ledger.counts(),
      ledger.knownRoutes(),
      ledger.lost(),
    ]);
    return { ...standing, starts, counts, known, lost };
  } catch (error) {
    return { away: error instanceof Error ? error.message : "unknown" };
  }
}

/** How far a group is behind in each partition. `start`: where it begins in one without a committed position; the first that fits counts. */
export function partitionLags(options: { ranges: PartitionRange[]; committed: Position[]; start: Position[] }): PartitionLag[] {
  const { ranges, committed, start } = options;
  return ranges.map(({ partition, low, high }) => {
    const position = committed.find((one) => one.partition === partition)?.offset;
    const from = position ?? start.find((one) => one.partition === partition)?.offset ?? low;
    return { partition, committed: position, high, lag: high - Math.min(Math.max(from, low), high) };
  });
}

function lagOfRoute(options: {
  route: Route;
  committed: CommittedPosition[];
  ranges: PartitionRange[];
  part: LedgerPart | undefined;
  nowMs: number;
}): RouteLag {
  const { route, committed, ranges, part, nowMs } = options;
  const partitions = partitionLags({ ranges, committed, start: part?.starts.get(route.id) ?? [] });
  const lag = partitions.reduce((sum, one) => sum + one.lag, 0);
  const { running, nextDueAt, endedPerSecond, ...figures } = ledgerFigures({
    route: route.id,
    workers: part?.workers ?? [],
    counts: part?.counts ?? [],
  });
  const openSince = [...committed.map((one) => one.oldestOpenAt), ...running.map((state) => state.oldestOpenAt)].filter(
    (at) => at !== undefined,
  );
  return {
    route: route.id,
    connector: route.to.connector.name,
    destination: route.to.name,
    lag,
    partitions,
    oldestAgeMs: lag === 0 ? 0 : openSince.length > 0 ? Math.max(0, nowMs - Math.min(...openSince)) : undefined,
    endedPerSecond,
    timeToEmptyMs: lag === 0 ? 0 : endedPerSecond > 0 ? (lag / endedPerSecond) * 1000 : undefined,
    ...figures,
    replicas: running.length,
    nextDueInMs: nextDueAt === undefined ? undefined : Math.max(0, nextDueAt - nowMs),
    lost: (part?.lost ?? []).filter((one) => one.route === route.id && one.acceptedAt === undefined),
    cause: causeOf({ route, standing: part })?.sentence,
  };
}

/** What the ledger alone knows of a route: its counts, and its workers that run, added up. */
export function ledgerFigures(options: { route: string; workers: WorkerRow[]; counts: RouteCounts[] }) {
  const { route, workers, counts } = options;
  const running = statesOf(route, workers);
  const { waiting = 0, dead = 0, nextDueAt } = counts.find((one) => one.route === route) ?? {};
  return {
    running,
    inFlight: running.reduce((sum, state) => sum + state.inFlight, 0),
    endedPerSecond: running.reduce((sum, state) => sum + state.endedPerSecond, 0),
    waiting,
    dead,
    nextDueAt,
  };
}
