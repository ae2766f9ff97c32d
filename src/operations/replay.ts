/** Puts past calls of the log on a route again: a preview first, then at a capped rate. A replay can be stopped and continued at any time. */
import { matchRoute } from "../delivery/pipeline/match-route.ts";
import type { NewAction } from "../ledger/actions.ts";
import { forgottenHash } from "../ledger/forgotten.ts";
import type { ErasureLedger, ReplayAnswer, ReplayItem, ReplayLedger } from "../ledger/operations.ts";
import { isNewer } from "../ledger/record-order.ts";
import type { RowProof, ViewLedger } from "../ledger/views.ts";
import type { Clock } from "../lib/time/clock.ts";
import { CALLS_TOPIC, type Log, type Message, type Position } from "../log/log.ts";
import { readPages } from "../log/pages.ts";
import type { Call } from "../model/call.ts";
import type { Route, Routes } from "../route.ts";

/** What was asked for, and how far it has come: kept in the ledger as JSON. */
export interface ReplaySpec {
  id: string;
  route: string;
  /** Unix ms; calls that the log took at or after, and before. */
  since: number;
  until: number;
  only: "all" | "failed";
  again: boolean;
  ratePerSecond: number;
  by: string;
  /** Where to continue reading, and where to end. */
  next: Position[];
  end: Position[];
  counts: ReplayCounts;
  state: "running" | "stopped" | "done";
}

export type ReplayCounts = Record<ReplayAnswer | "read" | "notWanted", number>;

const CHUNK = 100;
/** Seconds of the rate that may be queued at once, so that live traffic keeps its slots. */
const AHEAD_SECONDS = 5;

/** @throws what log and ledger throw. */
export async function planReplay(options: {
  id: string;
  route: string;
  since: number;
  until: number;
  only: "all" | "failed";
  again: boolean;
  ratePerSecond: number;
  by: string;
  log: Log;
}): Promise<ReplaySpec> {
  const { log, ...asked } = options;
  const next = await log.offsetsAt({ topic: CALLS_TOPIC, atMs: asked.since });
  const end = await log.offsetsAt({ topic: CALLS_TOPIC, atMs: asked.until });
  return { ...asked, next, end, counts: noCounts(), state: "running" };
}

const noCounts = (): ReplayCounts => ({
  read: 0,
  notWanted: 0,
  queued: 0,
  delivered: 0,
  newer: 0,
  open: 0,
  skipped: 0,
  dead: 0,
});

export interface ReplayExample {
  item: ReplayItem;
  call: Call;
}

/** What a replay would do, without doing it. `examples`: the first of those that would be sent. */
export async function previewReplay(options: {
  spec: ReplaySpec;
  route: Route;
  routes: Pick<Routes, "describe">;
  log: Log;
  ledger: ViewLedger & Pick<ErasureLedger, "forgottenAmong">;
}) {
  const { spec, ledger } = options;
  const counts = noCounts();
  const examples: ReplayExample[] = [];
  for await (const { items, notWanted, read } of wantedItems(options)) {
    counts.read += read;
    counts.notWanted += notWanted;
    const proofs = await ledger.proofs({ route: spec.route, keys: items.map(({ item }) => item) });
    const byKey = new Map(proofs.map((proof) => [`${proof.source}\n${proof.callId}`, proof]));
    for (const example of items) {
      const { item } = example;
      const answer = foresee({ spec, item, row: byKey.get(`${item.source}\n${item.callId}`), fingerprint: ledger.fingerprint });
      counts[answer] += 1;
      if (answer === "queued" && examples.length < 3) examples.push(example);
    }
  }
  return { counts, examples };
}

/** What `enqueue` of the ledger will answer if nothing changes until then. */
function foresee(options: {
  spec: ReplaySpec;
  item: ReplayItem;
  row: RowProof | undefined;
  fingerprint: ViewLedger["fingerprint"];
}): ReplayAnswer {
  const { spec, item, row, fingerprint } = options;
  if (!row) return spec.only === "failed" ? "skipped" : "queued";
  if (row.state === "waiting" || row.state === "sending") return "open";
  if (isNewer(row, item)) return "newer";
  if (row.state === "dead") return "queued";
  if (spec.only === "failed") return row.state as ReplayAnswer;
  if (row.state === "delivered") return spec.again || row.hash !== fingerprint(item.hash) ? "queued" : "delivered";
  return "queued";
}

/** Queues until the end of the range or the signal; the spec in the ledger keeps the progress. */
export async function runReplay(options: {
  spec: ReplaySpec;
  route: Route;
  routes: Pick<Routes, "describe" | "version">;
  log: Log;
  ledger: ReplayLedger & Pick<ErasureLedger, "forgottenAmong">;
  /** Calls that the preview counted: the action that is recorded says so. */
  planned: number;
  clock: Clock;
  signal: AbortSignal;
  onProgress(spec: ReplaySpec): void;
}): Promise<ReplaySpec> {
  const { spec, ledger, planned, clock, signal, onProgress } = options;
  const startedAtMs = clock.monotonicMs();
  let queued = 0;
  const save = (action?: NewAction) => ledger.saveReplay({ id: spec.id, spec: JSON.stringify(spec), ...(action && { action }) });
  spec.state = "running";
  await save({ by: spec.by, route: spec.route, action: "replay", detail: `${spec.id}: ${planned} calls` });

  for await (const { items, notWanted, read, next } of wantedItems(options)) {
    for (const { item } of items) {
      await untilThereIsRoom();
      if (signal.aborted) break;
      const [answer] = await ledger.enqueue({ items: [item], dueInMs: 0, only: spec.only, again: spec.again });
      if (answer) spec.counts[answer] += 1;
      if (answer === "queued") queued += 1;
      onProgress(spec);
    }
    // Those already queued answer `open` or `delivered` when the chunk is read again.
    if (signal.aborted) break;
    spec.counts.read += read;
    spec.counts.notWanted += notWanted;
    spec.next = next;
    await save();
    onProgress(spec);
  }
  spec.state = signal.aborted ? "stopped" : "done";
  await save();
  return spec;

  async function untilThereIsRoom(): Promise<void> {
    await clock.sleep(startedAtMs + (queued * 1000) / spec.ratePerSecond - clock.monotonicMs(), signal);
    const most = Math.max(20, spec.ratePerSecond * AHEAD_SECONDS);
    while (queued >= most && !signal.aborted && (await ledger.replaying(spec.route)) >= most) await clock.sleep(500, signal);
  }
}

interface Chunk {
  items: ReplayExample[];
  notWanted: number;
  read: number;
  next: Position[];
}

async function* wantedItems(options: {
  spec: ReplaySpec;
  route: Route;
  routes: Pick<Routes, "describe">;
  log: Log;
  ledger: Pick<ErasureLedger, "forgottenAmong">;
}): AsyncGenerator<Chunk> {
  const { spec, route, routes, log, ledger } = options;
  let next = spec.next;
  for (const { partition, offset: end } of spec.end) {
    const from = next.find((one) => one.partition === partition)?.offset ?? end;
    for await (const messages of readPages({ log, topic: CALLS_TOPIC, partition, from, end, pageMessages: CHUNK })) {
      const offset = (messages.at(-1)?.offset ?? from) + 1;
      next = next.map((one) => (one.partition === partition ? { partition, offset } : one));
      const wanted = messages.flatMap((message) => itemOf(message) ?? []);
      const hashOf = ({ item }: ReplayExample) => forgottenHash(item.source, item.callId);
      const forgotten = await ledger.forgottenAmong(wanted.map(hashOf));
      const items = wanted.filter((one) => !forgotten.has(hashOf(one)));
      yield { items, notWanted: messages.length - items.length, read: messages.length, next };
    }
  }

  function itemOf(message: Message): ReplayExample | undefined {
    const match = matchRoute({ message, describe: routes.describe, route, overrides: { skipBefore: undefined }, replay: true });
    const { source, callId, acceptedAt, hash } = match.parsed;
    if (match.kind !== "wanted") return undefined;
    const { partition, offset, value: body } = message;
    return { item: { route: route.id, source, callId, partition, offset, hash, acceptedAt, body }, call: match.call };
  }
}
