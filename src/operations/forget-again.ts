/** Forgets again what a restored backup brought back: calls that were forgotten after it was taken. */

import type { ActionLedger } from "../ledger/actions.ts";
import { forgottenHash } from "../ledger/forgotten.ts";
import type { ErasureLedger } from "../ledger/operations.ts";
import type { DeliveryKey } from "../ledger/types.ts";
import type { ViewLedger } from "../ledger/views.ts";
import type { WorkerLedger } from "../ledger/workers.ts";
import { systemClock } from "../lib/time/clock.ts";
import { CALLS_TOPIC, type Log, QUARANTINE_TOPIC } from "../log/log.ts";
import { readTopic } from "../log/pages.ts";
import { fromMessage } from "../model/envelope.ts";
import { parseRecord } from "../model/record.ts";
import type { Routes } from "../route.ts";
import { eraseAt, leftAt, notErased } from "./erase.ts";
import type { CallName, Found } from "./find.ts";
import { type Forgotten, forbid, forgetEverything } from "./forget.ts";

const KEYS_AT_ONCE = 1_000;

/**
 * @param options.routes the file as it is now, to erase at restored destinations; undefined when it cannot be read: then the calls stay, but no
 * route delivers them. @returns the calls that had returned; `stays`: what is left of them, in sentences.
 */
export async function forgetAgain(options: {
  log: Log;
  ledger: ErasureLedger & ViewLedger & WorkerLedger & ActionLedger;
  routes: Pick<Routes, "routes" | "timezone"> | undefined;
  forgotten: Forgotten[];
  by: string;
}): Promise<{ calls: CallName[]; records: number; stays: string[] }> {
  const { log, ledger, routes, forgotten, by } = options;
  const known = await ledger.forgottenAmong(forgotten.map(({ hash }) => hash));
  const hashes = new Set(forgotten.map(({ hash }) => hash).filter((hash) => !known.has(hash)));
  for (const hash of hashes) await ledger.forbid(hash);
  if (hashes.size === 0) return { calls: [], records: 0, stays: [] };

  const found = await findByHash({ log, ledger, hashes });
  const { calls } = found;
  const records = found.places.filter(({ topic }) => topic === QUARANTINE_TOPIC).length;
  if (calls.length + records === 0) return { calls, records, stays: [] };
  if (!routes)
    return {
      calls,
      records,
      stays: [`they are in log and ledger again: patchbay forget <call_id> for each of ${calls.map(({ callId }) => callId).join(", ")}`],
    };
  const { rows } = await forbid({ found, ledger, isRunning: () => false, clock: systemClock });
  const at = await eraseAt({ left: leftAt(rows, routes.routes), timezone: routes.timezone, clock: systemClock });
  const { stays } = await forgetEverything({ found, log, ledger, left: at.erased.filter(({ later }) => later), by });
  const byHand = at.erased.filter(({ erased }) => !erased).map(notErased);
  return { calls, records, stays: [...stays, ...at.stays, ...byHand] };
}

async function findByHash(options: {
  log: Log;
  ledger: ErasureLedger;
  hashes: ReadonlySet<string>;
}): Promise<Pick<Found, "calls" | "places">> {
  const { log, ledger, hashes } = options;
  const calls = new Map<string, CallName>();
  const places: Found["places"] = [];
  const add = (call: CallName) => void calls.set(`${call.source}\n${call.callId}`, call);
  for (const topic of [CALLS_TOPIC, QUARANTINE_TOPIC] as const) {
    for await (const messages of readTopic({ log, topic })) {
      for (const message of messages) {
        const { partition, offset, appendedAt, key, value } = message;
        if (value.byteLength === 0) continue;
        const { source } = fromMessage(message);
        const parsed = topic === CALLS_TOPIC ? parseRecord(value) : undefined;
        const callId = parsed?.ok ? parsed.record.call_id : key.slice(source.length + 1) || key;
        const isCall = topic === CALLS_TOPIC && hashes.has(forgottenHash(source, callId));
        if (isCall) add({ source, callId });
        if (isCall || (topic === QUARANTINE_TOPIC && hashes.has(key))) places.push({ topic, partition, offset, appendedAt, key });
      }
    }
  }
  for (let after: DeliveryKey | undefined; ; ) {
    const page = await ledger.keys({ after, limit: KEYS_AT_ONCE });
    for (const { source, callId } of page) if (hashes.has(forgottenHash(source, callId))) add({ source, callId });
    after = page.at(-1);
    if (page.length < KEYS_AT_ONCE) return { calls: [...calls.values()], places };
  }
}
