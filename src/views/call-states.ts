/** Where a call is on a route, and why: every call on every route has a state and a reason. */

import { isRunning } from "../delivery/process/heartbeat.ts";
import type { DeliveryKey, DeliveryRow, DeliveryState, Ledger } from "../ledger/ledger.ts";
import type { LostRange } from "../ledger/losses.ts";
import { isNewer, type RecordPlace } from "../ledger/record-order.ts";
import type { Log, Position } from "../log/log.ts";
import type { Route } from "../route.ts";
import { type Cause, causeOf, type LedgerState, readLedgerState, statesOf } from "./causes.ts";
import { findUnread, type Unread } from "./find-unread.ts";

/**
 * `unread`: in the log, and the route has not come to it. `lost`: the route will never read it (`accept-loss`).
 * `unknown`: the route has read past it, and the ledger has no delivery of it.
 */
export type CallState = DeliveryState | "unread" | "lost" | "unknown";

export interface CallStates extends DeliveryKey {
  state: CallState;
  /** Never empty. Where the route itself does not progress, the sentence that `lag` has of it. */
  reason: string;
  /** When this state began, Unix ms. */
  since: number | undefined;
  /** When it is tried again, Unix ms. */
  until: number | undefined;
  /** How many records of the log the route reads before it. */
  before: number | undefined;
  /** What the ledger has of the call on this route: of this record, or of the one before it where `before` is there. */
  row: DeliveryRow | undefined;
}

/** What of a route decides where its calls are. */
type KnownRoute = Pick<Route, "id" | "enabled">;

/** The state of a delivery that the ledger has. `route` of undefined: it is not in the file. */
export function callStatesOfRow(options: { row: DeliveryRow; route: KnownRoute | undefined; standing: LedgerState }): CallStates {
  const { row, route, standing } = options;
  const base = { ...keyOf(row), state: row.state, since: row.updatedAt, until: row.dueAt, before: undefined, row };
  if (row.state === "delivered") return { ...base, reason: row.reason ?? "the destination has it" };
  if (row.state === "skipped" || row.state === "dead") return { ...base, reason: row.reason ?? `${row.state} without a reason` };

  const cause = causeOfRow(row, route, standing);
  if (cause) return { ...base, state: "waiting", reason: cause.sentence, since: cause.since ?? row.updatedAt };
  if (row.state === "waiting") return { ...base, reason: row.reason ?? "it waits for its next try" };
  if (row.claimedBy === undefined) return { ...base, state: "waiting", reason: "given back before it was sent: it is taken again at once" };
  if (standing.workers.some((one) => one.worker === row.claimedBy && isRunning(one)))
    return { ...base, reason: `an attempt is under way, by ${row.claimedBy}` };
  return { ...base, state: "waiting", reason: "the process that began it has ended: another one takes it within 30 s" };
}

function causeOfRow({ route: id }: DeliveryRow, route: KnownRoute | undefined, standing: LedgerState): Cause | undefined {
  if (route || statesOf(id, standing.workers).length > 0) return causeOf({ route: route ?? { id, enabled: true }, standing });
  return { sentence: "the route is not in the file: nothing runs it", since: undefined };
}

/** The deliveries that the ledger has, as whereabouts. `routes` of undefined: there is no file, and every route is taken to be in it. */
export async function callStatesOfRows(options: {
  rows: DeliveryRow[];
  routes: KnownRoute[] | undefined;
  ledger: Pick<Ledger, "workers" | "controls">;
}): Promise<CallStates[]> {
  const { rows, routes, ledger } = options;
  const standing = await readLedgerState(ledger);
  const routeOf = (id: string) => (routes ? routes.find((one) => one.id === id) : { id, enabled: true });
  return rows.map((row) => callStatesOfRow({ row, route: routeOf(row.route), standing }));
}

/** One call on all routes of the file, and on those of which the ledger has it; empty when neither log nor ledger knows it. */
export async function readCallStates(options: {
  callId: string;
  routes: KnownRoute[];
  log: Log;
  ledger: Ledger;
  onProgress?: (records: number) => void;
}): Promise<{ found: CallStates[]; looked: number }> {
  const { callId, routes, ledger } = options;
  // First the positions, then the rows: what is below a position has been settled before.
  const starts = await ledger.routeStarts();
  const unread = await findUnread({ ...options, starts });
  const rows = await ledger.deliveries({ callId, limit: MAX_ROWS });
  const [standing, lost] = await Promise.all([readLedgerState(ledger), ledger.lost()]);
  const sources = [...new Set([...unread.newest.keys(), ...rows.map(({ source }) => source)])];
  const found = sources.flatMap((source) => {
    const ofSource = rows.filter((row) => row.source === source);
    const others = ofSource.filter((row) => !routes.some(({ id }) => id === row.route));
    const newest = newestOf([...ofSource, ...[unread.newest.get(source) ?? []].flat()]);
    return [
      ...routes.map((route) => {
        const row = ofSource.find((one) => one.route === route.id);
        const key = { route: route.id, source, callId };
        const ahead = aheadOf({ route, row, newest, unread });
        if (ahead) return whereaboutsAhead({ key, route, row, ...ahead, standing });
        if (row) return callStatesOfRow({ row, route, standing });
        return whereaboutsPassed({ key, place: newest, starts: starts.get(route.id) ?? [], lost });
      }),
      ...others.map((row) => callStatesOfRow({ row, route: undefined, standing })),
    ];
  });
  return { found, looked: unread.looked };
}

const MAX_ROWS = 1_000;

const keyOf = ({ route, source, callId }: DeliveryKey) => ({ route, source, callId });

function newestOf(places: RecordPlace[]): RecordPlace | undefined {
  return places.reduce<RecordPlace | undefined>((newest, place) => (newest && !isNewer(place, newest) ? newest : place), undefined);
}

/** The record that the route has not come to, if there is one that its row is not of. */
function aheadOf(options: { route: KnownRoute; row: DeliveryRow | undefined; newest: RecordPlace | undefined; unread: Unread }) {
  const { route, row, newest, unread } = options;
  if (!newest || (row && !isNewer(newest, row))) return undefined;
  const range = unread.ranges.find((one) => one.partition === newest.partition);
  const position = unread.reached.get(route.id)?.find((one) => one.partition === newest.partition)?.offset ?? range?.low ?? 0;
  return newest.offset < position ? undefined : { place: newest, before: newest.offset - position };
}

function whereaboutsAhead(options: {
  key: DeliveryKey;
  route: KnownRoute;
  row: DeliveryRow | undefined;
  place: RecordPlace;
  before: number;
  standing: LedgerState;
}): CallStates {
  const { key, route, row, place, before, standing } = options;
  const { partition, offset, acceptedAt } = place;
  const cause = causeOf({ route, standing });
  const base = { ...key, until: undefined, before, row };
  if (cause) return { ...base, state: "waiting", reason: cause.sentence, since: cause.since ?? acceptedAt };
  const at = `offset ${offset} of partition ${partition}`;
  const reason = before === 0 ? `not read yet: the route reads it next (${at})` : `not read yet: ${recordsOf(before)} before it (${at})`;
  return { ...base, state: "unread", reason, since: acceptedAt };
}

export const recordsOf = (count: number) => `${count} ${count === 1 ? "record is" : "records are"}`;

/** The route is past it, and the ledger has no row. */
function whereaboutsPassed(options: {
  key: DeliveryKey;
  place: RecordPlace | undefined;
  starts: Position[];
  lost: LostRange[];
}): CallStates {
  const { key, place, starts, lost } = options;
  const base = { ...key, since: place?.acceptedAt, until: undefined, before: undefined, row: undefined };
  const start = starts.find((one) => one.partition === place?.partition)?.offset;
  if (place && start !== undefined && place.offset < start)
    return { ...base, state: "skipped", reason: "it was accepted before the route began" };
  const range = lost.find(
    (one) => one.route === key.route && one.partition === place?.partition && one.from <= place.offset && place.offset < one.to,
  );
  if (range) {
    const why = range.kind === "retention" ? "the log's retention took it before the route read it" : `it cannot be read: ${range.reason}`;
    return { ...base, state: "lost", reason: why, since: range.at };
  }
  const reason =
    "the route has read past it, and the ledger has no delivery of it (any more): `patchbay audit` tells whether one is missing";
  return { ...base, state: "unknown", reason };
}
