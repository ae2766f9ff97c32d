/** Everything we have of a call, or of a phone number's calls: found first, then removed where that can be done, and said where it cannot. */
import { forgottenHash } from "../delivery/judge.ts";
import type { DeliveryRow, Ledger } from "../ledger/ledger.ts";
import { CALLS_TOPIC, type Log, type Message, QUARANTINE_TOPIC, type Topic } from "../log/log.ts";
import { readTopic } from "../log/pages.ts";
import { toE164 } from "../model/describe.ts";
import { fromMessage } from "../model/envelope.ts";
import { parseRecord } from "../model/record.ts";

export interface Place {
  topic: Topic;
  partition: number;
  offset: number;
  appendedAt: number;
}

export interface Found {
  calls: { source: string; callId: string }[];
  /** Copies of the record in the log. */
  places: Place[];
  rows: DeliveryRow[];
  /** Looked for by a phone number, which only the log's records have: the ledger keeps none. */
  byNumber: boolean;
}

const MAX_ROWS = 1_000;

/** Reads the whole log. A number is compared in E.164; a call that the log no longer has is found by its call_id only. */
export async function findEverything(options: {
  what: string;
  log: Log;
  ledger: Ledger;
  onProgress?: (records: number) => void;
}): Promise<Found> {
  const { what, log, ledger, onProgress = () => undefined } = options;
  const number = toE164(what);
  const calls = new Map<string, { source: string; callId: string }>();
  const places: Place[] = [];
  let read = 0;
  for (const topic of [CALLS_TOPIC, QUARANTINE_TOPIC] as const) {
    for await (const messages of readTopic({ log, topic })) {
      for (const message of messages) look(message);
      read += messages.length;
      onProgress(read);
    }
  }
  const ids = number === "" ? [what] : [...calls.values()].map(({ callId }) => callId);
  const rows = (await Promise.all(ids.map((callId) => ledger.deliveries({ callId, limit: MAX_ROWS })))).flat();
  for (const { source, callId } of rows) if (number === "") calls.set(`${source}\n${callId}`, { source, callId });
  const known = rows.filter(({ source, callId }) => calls.has(`${source}\n${callId}`));
  return { calls: [...calls.values()], places, rows: known, byNumber: number !== "" };

  function look(message: Message): void {
    const { source } = fromMessage(message);
    const { topic, partition, offset, appendedAt, value } = message;
    const parsed = parseRecord(value);
    if (!parsed.ok) {
      // Of a quarantined record nothing is certain: the text decides.
      const text = Buffer.from(value).toString("utf8");
      if (topic === QUARANTINE_TOPIC && text.includes(number === "" ? JSON.stringify(what) : number))
        places.push({ topic, partition, offset, appendedAt });
      return;
    }
    const { call_id: callId, from_number: a, to_number: b } = parsed.record;
    if (number === "" ? callId !== what : toE164(a) !== number && toE164(b) !== number) return;
    calls.set(`${source}\n${callId}`, { source, callId });
    places.push({ topic, partition, offset, appendedAt });
  }
}

/** Ledger first: from then on nothing brings the call back; then the log's copies where it can. As many of each as were removed. */
export async function forgetEverything(options: {
  found: Found;
  log: Log;
  ledger: Ledger;
  by: string;
}): Promise<{ rows: number; copies: number }> {
  const { found, log, ledger, by } = options;
  let rows = 0;
  for (const { source, callId } of found.calls) {
    rows += await ledger.forget({ source, callId, hash: forgottenHash(source, callId) });
    await ledger.note({ by, route: "", action: "forget", detail: forgottenHash(source, callId).slice(0, 12) });
  }
  if (!log.erase) return { rows, copies: 0 };
  for (const place of found.places) await log.erase(place);
  return { rows, copies: found.places.length };
}
