/** Removes what was found of calls: first nothing may bring them back, then every copy that can be removed is, and what stays is said. */

import type { ActionLedger } from "../ledger/actions.ts";
import { forgottenHash } from "../ledger/forgotten.ts";
import type { ErasureLedger } from "../ledger/operations.ts";
import type { DeliveryRow, ViewLedger } from "../ledger/views.ts";
import type { WorkerLedger } from "../ledger/workers.ts";
import type { Clock } from "../lib/time/clock.ts";
import { CALLS_TOPIC, type Log, type Message, QUARANTINE_TOPIC } from "../log/log.ts";
import { readTopic } from "../log/pages.ts";
import { fromMessage } from "../model/envelope.ts";
import type { Erased } from "./erase.ts";
import type { CallName, Found, Place } from "./find.ts";

/** Every worker reads once a second what people decided. */
const HEARD_MS = 1_500;
/** Longer than any attempt, and than the claim of a process that died. */
const MAX_WAIT_MS = 35_000;
const LOOK_EVERY_MS = 250;
const MAX_ROWS = 1_000;

/** `call`: {@link forgottenHash} of one. `record`: the SHA-256 of a quarantined body. Neither tells who called. */
export interface Forgotten {
  kind: "call" | "record";
  hash: string;
}

export function forgottenOf({ calls, places }: Pick<Found, "calls" | "places">): Forgotten[] {
  const records = places.filter(({ topic }) => topic === QUARANTINE_TOPIC);
  return [
    ...calls.map(({ source, callId }) => ({ kind: "call" as const, hash: forgottenHash(source, callId) })),
    ...records.map(({ key }) => ({ kind: "record" as const, hash: key })),
  ];
}

/**
 * From when this resolves nothing brings the calls back, and what was under way has ended: their rows as they are then. `underWay`: routes on
 * which an attempt had not ended after {@link MAX_WAIT_MS}; what it leaves at the destination is not known.
 */
export async function forbid(options: {
  found: Pick<Found, "calls" | "places">;
  ledger: Pick<ErasureLedger, "forbid"> & Pick<WorkerLedger, "workers"> & Pick<ViewLedger, "deliveries" | "proofs">;
  isRunning(worker: { ageMs: number }): boolean;
  clock: Pick<Clock, "sleep" | "monotonicMs">;
}): Promise<{ rows: DeliveryRow[]; underWay: string[] }> {
  const { found, ledger, isRunning, clock } = options;
  const { calls } = found;
  for (const { hash } of forgottenOf(found)) await ledger.forbid(hash);
  if ((await ledger.workers()).some(isRunning)) await clock.sleep(HEARD_MS);
  const untilMs = clock.monotonicMs() + MAX_WAIT_MS;
  for (;;) {
    const rows = await rowsOf(calls, ledger);
    const underWay = await routesUnderWay(rows, ledger);
    if (underWay.length === 0 || clock.monotonicMs() >= untilMs) return { rows, underWay };
    await clock.sleep(LOOK_EVERY_MS);
  }
}

async function rowsOf(calls: CallName[], ledger: Pick<ViewLedger, "deliveries">): Promise<DeliveryRow[]> {
  const rows: DeliveryRow[] = [];
  for (const { source, callId } of calls) {
    const found = await ledger.deliveries({ callId, limit: MAX_ROWS });
    rows.push(...found.filter((row) => row.source === source));
  }
  return rows;
}

async function routesUnderWay(rows: DeliveryRow[], ledger: Pick<ViewLedger, "proofs">): Promise<string[]> {
  const sending = Map.groupBy(
    rows.filter(({ state }) => state === "sending"),
    ({ route }) => route,
  );
  const underWay: string[] = [];
  for (const [route, keys] of sending) {
    const proofs = await ledger.proofs({ route, keys });
    if (proofs.some(({ state, claimLeftMs = 0 }) => state === "sending" && claimLeftMs > 0)) underWay.push(route);
  }
  return underWay;
}

/** As many of each as were removed, and what stays of them, in sentences. */
export async function forgetEverything(options: {
  found: Pick<Found, "calls" | "places">;
  log: Pick<Log, "erase" | "scrub">;
  ledger: Pick<ErasureLedger, "forget" | "scrub"> & Pick<ActionLedger, "note">;
  /** What could not be deleted at its destination now: its receipt is kept for a later forget. */
  left?: Pick<Erased, "route" | "source" | "callId">[];
  by: string;
}): Promise<{ rows: number; copies: number; quarantined: number; stays: string[] }> {
  const { found, log, ledger, left = [], by } = options;
  let rows = 0;
  for (const { source, callId } of found.calls) {
    const keepReceipts = left.filter((one) => one.source === source && one.callId === callId).map(({ route }) => route);
    rows += await ledger.forget({ source, callId, hash: forgottenHash(source, callId), keepReceipts, by });
  }
  const erased = log.erase ? found.places : [];
  for (const place of erased) await log.erase?.(place);
  const records = forgottenOf(found).filter(({ kind }) => kind === "record");
  for (const { hash } of records) await ledger.note({ by, route: "", action: "forget", detail: `quarantined record ${hash.slice(0, 12)}` });
  const stays = [...((await log.scrub?.({ pack: true })) ?? []), ...((await ledger.scrub?.({ pack: true })) ?? [])];
  return { rows, copies: countOf(erased, CALLS_TOPIC), quarantined: countOf(erased, QUARANTINE_TOPIC), stays };
}

/**
 * Erases from quarantine what was forgotten and arrived again as no call record; workers erase calls. As many as were erased.
 */
export async function eraseReturned(options: {
  log: Pick<Log, "read" | "ranges" | "erase">;
  ledger: Pick<ErasureLedger, "forgottenAmong">;
}): Promise<number> {
  const { log, ledger } = options;
  if (!log.erase) return 0;
  let erased = 0;
  for await (const messages of readTopic({ log, topic: QUARANTINE_TOPIC })) {
    const kept = messages.filter(({ value }) => value.byteLength > 0).map((message) => ({ message, hashes: hashesOf(message) }));
    const forgotten = await ledger.forgottenAmong(kept.flatMap(({ hashes }) => hashes));
    for (const { message } of kept.filter(({ hashes }) => hashes.some((hash) => forgotten.has(hash)))) {
      const { topic, partition, offset } = message;
      await log.erase({ topic, partition, offset });
      erased += 1;
    }
  }
  return erased;
}

/** Hashes by which a quarantined record may be forgotten: its own, and that of the call that it names. */
function hashesOf(message: Message): string[] {
  const callId = callIdIn(message.value);
  return callId === undefined ? [message.key] : [message.key, forgottenHash(fromMessage(message).source, callId)];
}

function callIdIn(value: Uint8Array): string | undefined {
  try {
    const record: unknown = JSON.parse(Buffer.from(value).toString("utf8"));
    const callId = typeof record === "object" && record !== null && "call_id" in record ? record.call_id : undefined;
    return typeof callId === "string" ? callId : undefined;
  } catch {
    return undefined;
  }
}

export function countOf(places: Place[], topic: Place["topic"]): number {
  return places.filter((place) => place.topic === topic).length;
}
