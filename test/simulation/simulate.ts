/**
 * One simulated life of the delivery core: the real `src/delivery` against a log, a ledger and destinations in memory, on virtual time.
 * The seed decides when every step completes, fails or never answers, when processes crash or freeze, when partitions move, when the
 * file is edited, and how calls come: twice, late, changed. In the end everything is mended, and the promises are checked.
 */
import { startHeartbeat } from "../../src/delivery/process/heartbeat.ts";
import { bindLedgerToLog, logMismatch } from "../../src/delivery/process/log-binding.ts";
import { type RunningRoutes, runRoutes } from "../../src/delivery/process/run.ts";
import { UsageError } from "../../src/errors.ts";
import type { DeliveryKey, Ledger } from "../../src/ledger/ledger.ts";
import { type Row, rowKey } from "../../src/ledger/memory/rows.ts";
import { isNewer } from "../../src/ledger/record-order.ts";
import type { Message } from "../../src/log/log.ts";
import type { Call } from "../../src/model/call.ts";
import { createDescribe } from "../../src/model/describe.ts";
import { recordKey, toHeaders } from "../../src/model/envelope.ts";
import { parseRecord } from "../../src/model/record.ts";
import { adoptLog, planAdoption } from "../../src/operations/adopt-log.ts";
import type { Destination, Route, Routes } from "../../src/route.ts";
import { createSimulatedDestination, type SimulatedDestination, TIMEOUT_MS } from "./destination.ts";
import { createSimulatedLedger, createStore } from "./ledger.ts";
import { CALLS_TOPIC, createSimulatedLog, type LogCopy, SESSION_MS } from "./log.ts";
import { createWorld, databaseNowMs, type Process } from "./world.ts";

export interface SimulationResult {
  seed: number;
  deliveries: number;
  events: number;
  simulatedMs: number;
  crashes: number;
  /** What was broken, if anything; empty is good. */
  violations: string[];
}

const LEASE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** From the last fault on: the longest wait of a delivery is an hour, of a retry that an API asked for ten minutes. A stuck life runs to its end. */
const HEAL_MS = 4 * HOUR_MS;
const MAX_VIOLATIONS = 5;

interface Newest {
  summary: string | undefined;
  wanted: boolean;
  fields: Set<string>;
  /** Of its records, in the order of the log. */
  requestIds: string[];
  /** The hashes of the contents that the call has had, the newest last. */
  versions: string[];
  /** Where the log has each of them for the first time. */
  firstPlaces: string[];
}

interface Running {
  process: Process;
  /** Of its wall clock. */
  wall: { offsetMs: number };
  running: RunningRoutes | undefined;
  heartbeat: { stop(): Promise<void> } | undefined;
}

/** `trace`: a call's id; all that happens to it is told to `onTrace`. */
export async function simulate(options: {
  seed: number;
  calls: number;
  trace?: string | undefined;
  onTrace?: (line: string) => void;
}): Promise<SimulationResult> {
  const { seed, calls, trace, onTrace = () => undefined } = options;
  const world = createWorld(seed);
  const { random } = world;
  const violations: string[] = [];
  const violated = (what: string) => {
    if (violations.length < MAX_VIOLATIONS) violations.push(`${Math.round(world.now())} ms: ${what}`);
  };

  const tell = (key: string, what: string) => {
    if (trace !== undefined && key.split("/")[1] === trace) onTrace(`${Math.round(world.now()).toString().padStart(9)}  ${what}`);
  };

  const store = createStore();
  const database = createSimulatedLedger({ store, nowMs: () => databaseNowMs(world) });
  const log = createSimulatedLog({ world, partitions: 3, onCommitted: mustBeDone });
  const destinations = {
    crm: createSimulatedDestination({ name: "crm", world, duplicates: "native-key", maxCalls: 1, violated, tell }),
    batch: createSimulatedDestination({ name: "batch", world, duplicates: "native-key", maxCalls: 10, violated, tell }),
    chat: createSimulatedDestination({ name: "chat", world, duplicates: "find", maxCalls: 1, violated, tell }),
  };
  /** One destination may have a rate at which a crowd waits for longer than a claim lasts. */
  const slow = random.pick([undefined, undefined, "crm", "chat"]);
  /** Messages may wait for the CRM, and be edited once it has the call. */
  const waitMs = random.pick([undefined, 1_000, 20_000, 60_000]);
  const processes: Running[] = [];
  let crashes = 0;
  let edits = 0;
  let routes = fileOf(edits);
  // Mostly crowded; now and then hours with little to do, in which what waits long comes to its turn.
  const horizonMs = calls * (random.chance(0.9) ? random.pick([60, 200, 600]) : 12_000);

  /** The ledger as one process reaches it: late, now and then not at all, and sometimes done without an answer. */
  function ledgerFor(process: Process): Ledger {
    return new Proxy(database, {
      get(target, name: keyof Ledger) {
        const value = target[name];
        if (typeof value !== "function" || (name as string) === "then") return value;
        return (...args: unknown[]) =>
          new Promise((resolve, reject) => {
            const lost = faults.ledger > 0 && random.chance(faults.ledger);
            const applied = !lost || random.chance(0.5);
            const answer = (error: unknown, result: unknown) =>
              world.at(
                random.next() * faults.slowMs,
                () => (lost || error !== undefined ? reject(error ?? new Error("connection lost")) : resolve(result)),
                process,
              );
            // What was sent arrives, whatever becomes of the sender.
            world.at(random.next() * faults.slowMs, () => {
              if (!applied) return answer(undefined, undefined);
              if (name === "claim" || name === "enqueue") {
                const { items } = args[0] as { items: DeliveryKey[] };
                queueMicrotask(() => mustNotGoBack(items));
              }
              if (trace !== undefined) traceLedger(process, String(name), args[0]);
              void (Reflect.apply(value as (...all: unknown[]) => Promise<unknown>, target, args) as Promise<unknown>).then(
                (result) => {
                  if (trace !== undefined) traceLedger(process, `${String(name)} answers`, result);
                  answer(undefined, result);
                },
                (error) => answer(error, undefined),
              );
            });
          });
      },
    });
  }

  function traceLedger(process: Process, name: string, what: unknown): void {
    const items = Array.isArray(what) ? what : ((what as { items?: unknown[] } | undefined)?.items ?? [what]);
    for (const item of items) {
      const text =
        JSON.stringify(item, (key, value) => (key === "body" || key === "sentFields" || key === "hash" ? undefined : value)) ?? "";
      if (text.includes(`"${trace}"`)) tell(`s/${trace}`, `${process.name} ${process.alive ? "" : "(dead) "}${name} ${text}`);
    }
  }

  /** Promise: an older version never takes the place of a newer one, nor does one that the route has heard of before. */
  const reached = new Map<string, number>();
  const heardOf = new Map<string, Set<string>>();
  function mustNotGoBack(keys: DeliveryKey[]): void {
    for (const key of keys.map(rowKey)) {
      const row = store.rows.get(key);
      if (row?.state !== "sending" && row?.state !== "waiting") continue;
      const known = newest.get(row.callId);
      const version = known?.versions.indexOf(row.hash) ?? 0;
      const before = reached.get(key) ?? 0;
      const isItsFirst = known?.firstPlaces[version] === `${row.partition}/${row.offset}`;
      if (version < before && !lost.has(row.callId)) {
        if (isItsFirst || heardOf.get(key)?.has(row.hash) || row.versions.includes(row.hash))
          violated(`${row.route}: ${row.callId} went back from version ${before} to ${version}, at ${row.partition}/${row.offset}`);
        // It came again before the route had read it for the first time, in another partition: nobody could know (docs/decisions/0016).
        else lost.add(row.callId);
      }
      reached.set(key, version);
      heardOf.set(key, new Set([...(heardOf.get(key) ?? []), row.hash, ...row.versions]));
    }
  }

  const faults = { ledger: 0.02, slowMs: 10 };
  let named = 0;
  /** Where the log was lost nobody starts before it is there again. */
  let logIsAway = false;
  function startProcess(): void {
    if (logIsAway) return void world.at(5_000, startProcess);
    named += 1;
    const process: Process = { name: `p${named}`, alive: true, frozenUntilMs: 0 };
    const wall = { offsetMs: random.chance(0.3) ? (random.next() - 0.5) * 2 * HOUR_MS : 0 };
    const one: Running = { process, wall, running: undefined, heartbeat: undefined };
    processes.push(one);
    const clock = world.clockOf(process, wall);
    const mine = { log: log.forProcess(process), ledger: ledgerFor(process), clock };
    const start = async (): Promise<void> => {
      await bindLedgerToLog(mine);
      const running = await runRoutes({
        ...mine,
        routes,
        selected: routes.routes,
        worker: process.name,
        leaseMs: LEASE_MS,
        onEvent: () => undefined,
        onTrouble: () => undefined,
        onDestination: () => undefined,
      });
      one.running = running;
      const routesFile = () => ({ version: routes.version, problem: undefined });
      one.heartbeat = startHeartbeat({ ...mine, running, worker: process.name, routesFile, onForeignLog: () => restart(one) });
    };
    start().catch((error) => {
      if (error instanceof UsageError) adoptAndStart(one);
      // As a supervisor does: it could not start while the ledger was away.
      else restart(one);
    });
  }

  function restart(one: Running): void {
    crash(one);
    world.at(2_000, startProcess);
  }

  /** An operator reads why it refuses, and takes the log as it is. */
  function adoptAndStart(one: Running): void {
    crash(one);
    const operator: Process = { name: "operator", alive: true, frozenUntilMs: 0 };
    const at = { log: log.forProcess(operator), ledger: database };
    const tryToAdopt = async (): Promise<void> => {
      try {
        if ((await logMismatch(at)) !== undefined) await adoptLog({ ...at, adoption: await planAdoption(at), by: "operator" });
        world.at(100, startProcess);
      } catch {
        // Somebody still runs, or counts as running.
        world.at(5_000, () => void tryToAdopt());
      }
    };
    world.at(1_000, () => void tryToAdopt());
  }

  /** The log's volume is lost, or put back from an older copy; the ledger is not. What only the lost part held is gone. */
  function loseLog(copy: LogCopy | undefined): void {
    for (const one of [...processes]) {
      crash(one);
      world.at(1_000, startProcess);
    }
    log.putBack(copy);
    const left = new Set(log.partitions.flat().map((message) => message.headers.request_id));
    for (const [callId, { requestIds }] of newest) if (requestIds.some((id) => !left.has(id))) lost.add(callId);
    logIsAway = true;
    world.at(30_000, () => {
      logIsAway = false;
    });
  }

  function crash(one: Running): void {
    if (!one.process.alive) return;
    crashes += 1;
    if (trace !== undefined) tell(`s/${trace}`, `${one.process.name} crashes`);
    one.process.alive = false;
    log.crashed(one.process);
    processes.splice(processes.indexOf(one), 1);
  }

  function fileOf(edit: number): Routes {
    const describe = createDescribe({ ownNumbers: ["+18005551234"], agents: [] });
    const list: Route[] = Object.values(destinations).map(({ connector }) => routeTo(connector.name, connector, edit));
    return { path: "routes.yaml", version: `v${edit}`, timezone: "UTC", destinations: [], routes: list, describe };
  }

  function routeTo(id: string, connector: SimulatedDestination["connector"], edit: number): Route {
    const to: Destination = {
      name: id,
      connector,
      settings: () => ({}),
      timeoutMs: TIMEOUT_MS,
      intervalMs: id === slow ? 1_500 : undefined,
      onAmbiguous: "dead",
      fingerprint: "same",
    };
    return {
      id,
      to,
      description: undefined,
      sources: ["s"],
      start: { kind: "beginning" },
      enabled: true,
      maxAgeMs: 24 * HOUR_MS,
      was: undefined,
      tests: false,
      record: undefined,
      after: id === "chat" && waitMs !== undefined ? { route: "crm", title: "crm", waitMs } : undefined,
      match: (call) => (call.call_outcome === "failed" ? { wanted: false, reason: "when is false" } : { wanted: true }),
      map: (call: Call) => ({ call, with: { version: `v${edit}` }, sentFields: Object.keys(call) }),
    };
  }

  /** Promise: a commit never passes an open call. */
  function mustBeDone(group: string, message: Message): void {
    const route = group.slice("patchbay.".length);
    const row = store.rows.get(rowKey({ route, source: "s", callId: callIdOf(message) }));
    const why = whyOpen(row, message);
    if (why !== undefined) violated(`${route}: committed past ${message.key} at ${message.partition}/${message.offset}: ${why}`);
  }

  // Load, spread over the horizon; every call may come twice, late, changed, or no longer wanted.
  const newest = new Map<string, Newest>();
  /** Calls of which the log has lost a record: a route that had not read it cannot know what the call has had. */
  const lost = new Set<string>();
  let accepted = 0;
  function accept(callId: string, version: number, more: Record<string, unknown>): void {
    const record = {
      call_id: callId,
      from_number: "+14155550100",
      to_number: "+18005551234",
      agent_id: "agent",
      duration_seconds: 60,
      start_time: "2026-01-15T14:23:00Z",
      end_time: "2026-01-15T14:24:00Z",
      call_outcome: "answered",
      ...more,
    };
    const value = Buffer.from(JSON.stringify(record));
    accepted += 1;
    const requestId = `${callId}-${version}-${accepted}`;
    const message = log.append({
      topic: CALLS_TOPIC,
      key: recordKey("s", callId),
      value,
      headers: toHeaders({ source: "s", acceptedAt: databaseNowMs(world), requestId }),
    });
    tell(message.key, `accepted at ${message.partition}/${message.offset} ${JSON.stringify(more)}`);
    const known = newest.get(callId);
    const versions = known?.versions ?? [];
    // The content of an earlier version: the sender tries late, or somebody has captured it. It is no newer version.
    const parsed = parseRecord(value);
    const hash = parsed.ok ? parsed.hash : "";
    if (known && versions.slice(0, -1).includes(hash)) return void known.requestIds.push(requestId);
    const wanted = record.call_outcome !== "failed";
    const fields = new Set([...(known?.fields ?? []), ...(wanted ? Object.keys(more) : [])]);
    newest.set(callId, {
      summary: more.summary as string | undefined,
      wanted,
      fields,
      requestIds: [...(known?.requestIds ?? []), requestId],
      versions: [...new Set([...versions, hash])],
      firstPlaces: versions.includes(hash)
        ? (known?.firstPlaces ?? [])
        : [...(known?.firstPlaces ?? []), `${message.partition}/${message.offset}`],
    });
  }
  for (let n = 0; n < calls; n += 1) {
    const callId = `c${n}`;
    const atMs = random.next() * horizonMs;
    const odd = random.chance(0.01) ? "rejected" : undefined;
    const first = { summary: "one", ...(odd ? { metadata: { odd } } : {}), ...(random.chance(0.1) ? { call_outcome: "failed" } : {}) };
    world.at(atMs, () => accept(callId, 1, first));
    if (random.chance(0.2)) world.at(atMs + random.next() * 5_000, () => accept(callId, 1, first));
    if (random.chance(0.25)) {
      const late = {
        ...first,
        ...(random.chance(0.7) ? { summary: "two" } : { duration_seconds: 61 }),
        recording_url: "https://example.com/r",
      };
      const { summary: _gone, ...withoutSummary } = late;
      world.at(atMs + random.next() * 60_000, () => accept(callId, 2, random.chance(0.2) ? withoutSummary : late));
    }
    if (random.chance(0.05))
      world.at(atMs + 30_000 + random.next() * 60_000, () => accept(callId, 3, { ...first, call_outcome: "failed" }));
    if (random.chance(0.15)) world.at(atMs + random.next() * 120_000, () => accept(callId, 1, first));
  }

  // Bad days, until the horizon.
  const workers = 1 + random.below(3);
  for (let n = 0; n < workers; n += 1) startProcess();
  for (const { weather } of Object.values(destinations)) weather.trouble = random.pick([0, 0.02, 0.1, 0.3]);
  const often = horizonMs / 12;
  function mischief(): void {
    if (world.now() > horizonMs) return;
    const victim = processes.length > 0 ? random.pick(processes) : undefined;
    const what = random.below(12);
    if (what < 3 && victim) {
      crash(victim);
      world.at(500 + random.next() * 20_000, startProcess);
    } else if (what === 3) log.shuffle();
    else if ((what === 4 || what === 10) && victim) freeze(victim.process, random.next() * 2.5 * LEASE_MS);
    else if (what === 5 && processes.length < 4) startProcess();
    else if (what === 6) edit();
    else if (what === 7) {
      const { weather } = random.pick(Object.values(destinations));
      weather.outage = random.pick(["down", "500", "429", "401", "silent"] as const);
      world.at(random.next() * 60_000, () => {
        weather.outage = "none";
      });
    } else if (what === 8) {
      faults.ledger = random.pick([0.02, 0.3, 1]);
      faults.slowMs = random.pick([10, 1_000, 5_000]);
      world.at(random.next() * 30_000, () => {
        faults.slowMs = 10;
        faults.ledger = 0.02;
      });
    } else if (what === 9 && victim) leave(victim);
    else if (what === 11 && victim) victim.wall.offsetMs += random.pick([-HOUR_MS, HOUR_MS]);
    world.at(random.next() * 2 * often, mischief);
  }
  world.at(random.next() * often, mischief);
  if (random.chance(0.3)) world.at(random.next() * horizonMs, () => log.addPartitions(1 + random.below(3)));
  if (random.chance(0.3)) {
    const copiedAtMs = random.next() * horizonMs;
    let copy: LogCopy | undefined;
    if (random.chance(0.6)) {
      world.at(copiedAtMs, () => {
        copy = log.copy();
      });
    }
    world.at(copiedAtMs + random.next() * 60_000, () => loseLog(copy));
  }

  function edit(): void {
    edits += 1;
    routes = fileOf(edits);
    for (const { running, process } of processes) {
      if (process.alive) void running?.use({ routes, selected: routes.routes });
    }
  }

  /** Longer than its session, and others have its partitions when it wakes. */
  function freeze(process: Process, forMs: number): void {
    process.frozenUntilMs = world.now() + forMs;
    if (trace !== undefined) tell(`s/${trace}`, `${process.name} is frozen for ${Math.round(forMs)} ms`);
    if (forMs <= SESSION_MS) return;
    world.at(SESSION_MS, () => log.expelled(process));
    world.at(forMs + 1, () => log.shuffle());
  }

  /** As SIGTERM: it drains and leaves, and another one comes. */
  function leave(one: Running): void {
    const { running, heartbeat } = one;
    if (!running) return;
    void running.stop({ graceMs: 25_000 }).then(async () => {
      await heartbeat?.stop();
      one.process.alive = false;
    });
    processes.splice(processes.indexOf(one), 1);
    world.at(random.next() * 5_000, startProcess);
  }

  await world.run({ untilMs: horizonMs + 120_000 });

  // All is mended: what is left has to come to its end by itself.
  Object.assign(faults, { ledger: 0, slowMs: 10 });
  for (const { weather } of Object.values(destinations)) Object.assign(weather, { outage: "none", trouble: 0 });
  for (const one of [...processes]) one.process.frozenUntilMs = 0;
  if (processes.length === 0) startProcess();
  const healedAtMs = world.now();
  let looked = 0;
  await world.run({
    untilMs: healedAtMs + HEAL_MS,
    stop() {
      looked += 1;
      return violations.length >= MAX_VIOLATIONS || (looked % 200 === 0 && isQuiet());
    },
  });

  function isQuiet(): boolean {
    if (logIsAway || processes.length === 0) return false;
    for (const id of Object.keys(destinations)) if ([...(store.open.get(id) ?? [])].some(mustEnd)) return false;
    if ([...store.awaiting].some(mustBeAdded)) return false;
    return Object.keys(destinations).every((id) => {
      const group = log.groups.get(`patchbay.${id}`);
      return log.partitions.every((messages, partition) => (group?.committed[partition] ?? 0) === messages.length);
    });
  }

  /** What was begun for a record that the log has lost stays so. */
  function mustEnd(row: Row): boolean {
    return row.body !== undefined || recordOf(row) !== undefined;
  }

  function recordOf({ partition, offset, callId }: Row): Message | undefined {
    const message = log.partitions[partition]?.[offset];
    return message && callIdOf(message) === callId ? message : undefined;
  }

  /** A message that went without what the CRM has by now. */
  function mustBeAdded(row: Row): boolean {
    if (row.state !== "delivered" || row.awaits === undefined || recordOf(row) === undefined) return false;
    const other = store.rows.get(rowKey({ ...row, route: row.awaits }));
    return other?.receipt !== undefined || (other?.state === "skipped" && !isNewer(row, other));
  }

  check();
  const deliveries = newest.size * Object.keys(destinations).length;
  return { seed, deliveries, events: world.events, simulatedMs: world.now(), crashes, violations };

  function check(): void {
    for (const [id, destination] of Object.entries(destinations)) {
      for (const messages of log.partitions) {
        for (const message of messages) {
          const row = store.rows.get(rowKey({ route: id, source: "s", callId: callIdOf(message) }));
          const why = whyOpen(row, message);
          if (why !== undefined) violated(`${id}: ${message.key} at ${message.partition}/${message.offset} has no end: ${why}`);
          if (row && mustEnd(row) && (row.state === "waiting" || row.state === "sending"))
            violated(`${id}: ${message.key} is ${row.state} for ever`);
        }
      }
      for (const [callId, last] of newest) checkRecord(id, destination, callId, last);
    }
  }

  function checkRecord(id: string, { connector, records }: SimulatedDestination, callId: string, last: Newest): void {
    if (lost.has(callId)) return;
    const row = store.rows.get(rowKey({ route: id, source: "s", callId }));
    if (row?.state === "skipped" && last.wanted) violated(`${id}: ${callId} was left out: ${row.reason}`);
    if (row?.state === "dead" && row.errorCode !== "400") violated(`${id}: ${callId} was given up: ${row.errorCode} ${row.reason}`);
    const key = connector.keeps === "message" ? `s/${callId}/${id}` : `s/${callId}`;
    const record = records.get(key);
    if (row?.state !== "delivered") return;
    if (!record) {
      violated(`${id}: ${callId} is said to be delivered, and is not there`);
      return;
    }
    if (record.posts !== 1) violated(`${id}: ${callId} was posted ${record.posts} times`);
    if (!last.wanted) return;
    if (last.summary !== undefined && record.fields.summary !== last.summary)
      violated(`${id}: ${callId} has the summary "${record.fields.summary}", the newest is "${last.summary}"`);
    const crm = store.rows.get(rowKey({ route: "crm", source: "s", callId }));
    if (id === "chat" && waitMs !== undefined && crm?.receipt !== undefined && record.fields.related !== crm.receipt.url)
      violated(`${id}: ${callId} does not name what the CRM has: ${record.fields.related}, not ${crm.receipt.url}`);
    for (const field of row.sentFields) {
      if (!(field in record.fields)) violated(`${id}: ${callId} has lost ${field}`);
    }
  }
}

/** Of a record that must have come to an end on a route; undefined when it has, waits, or was overtaken. */
function whyOpen(row: Row | undefined, message: Message): string | undefined {
  if (!row) return "the ledger knows nothing of it";
  if (row.partition !== message.partition || row.offset !== message.offset) {
    const parsed = parseRecord(message.value);
    const isKnown = parsed.ok && [row.hash, row.unwanted, ...row.versions].includes(parsed.hash);
    const place = { partition: message.partition, offset: message.offset, acceptedAt: Number(message.headers.accepted_at) };
    return isKnown || !isNewer(place, row) ? undefined : "the ledger knows an older content only";
  }
  return row.state === "sending" && row.body === undefined ? "it was begun and never came to an end" : undefined;
}

const callIdOf = (message: Message) => message.key.slice(2);
