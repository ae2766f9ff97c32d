/** Finds everything that is kept of a call, or of a phone number's calls, and says what was searched, so that "nothing" is never claimed of the rest. */
import type { ActionLedger } from "../ledger/actions.ts";
import type { ErasureLedger } from "../ledger/operations.ts";
import type { RoutesFileLedger } from "../ledger/routes-files.ts";
import type { DeliveryKey } from "../ledger/types.ts";
import type { DeliveryRow, ViewLedger } from "../ledger/views.ts";
import { CALLS_TOPIC, type Log, type Message, QUARANTINE_TOPIC, type Topic } from "../log/log.ts";
import { readTopic } from "../log/pages.ts";
import { fromMessage } from "../model/envelope.ts";
import { isWantedNumber, mentionsNumber, type WantedNumber, wantedNumber } from "../model/number-search.ts";
import { parseRecord } from "../model/record.ts";

export interface Place {
  topic: Topic;
  partition: number;
  offset: number;
  appendedAt: number;
  /** As the log has it: of a quarantined record the SHA-256 of its body. */
  key: string;
}

export interface CallName {
  source: string;
  callId: string;
}

/** What was searched, and since when: Unix ms of the oldest, undefined where there is none. */
export interface Looked {
  records: number;
  recordsSince: number | undefined;
  quarantined: number;
  quarantinedSince: number | undefined;
  /** Records that the ledger keeps of waiting and dead deliveries. */
  bodies: number;
  /** Texts that are no JSON: searched as they are. */
  unreadable: number;
}

export interface Found {
  calls: CallName[];
  /** Copies of the record in the log, and in its quarantine. */
  places: Place[];
  rows: DeliveryRow[];
  /** The number that was looked for; undefined: a call_id. */
  number: WantedNumber | undefined;
  /** Calls with the number in a text: they may be another person's, and stay. */
  mentions: CallName[];
  /** Texts that people wrote with the number in them: `action 12`, `version 3f2a9c0d1e5b of routes.yaml`. They stay. */
  written: string[];
  looked: Looked;
}

/** What people wrote: reasons of actions, and routes files. */
type WrittenLedger = Pick<ActionLedger, "sealedActions"> & Pick<RoutesFileLedger, "routesFiles">;

const MAX_ROWS = 1_000;
const BODIES_AT_ONCE = 200;
const ACTIONS_AT_ONCE = 500;

/** Reads the whole log, its quarantine, and what the ledger keeps of waiting and dead deliveries. */
export async function findEverything(options: {
  /** A call_id, or a number in any form; `ownNumbers` give the country of one without it. */
  what: string;
  ownNumbers: readonly string[];
  log: Pick<Log, "read" | "ranges">;
  ledger: Pick<ErasureLedger, "bodies"> & Pick<ViewLedger, "deliveries"> & WrittenLedger;
  onProgress?: (records: number) => void;
}): Promise<Found> {
  const { what, ownNumbers, log, ledger, onProgress = () => undefined } = options;
  const number = wantedNumber(what, ownNumbers);
  const calls = new Map<string, CallName>();
  const mentions = new Map<string, CallName>();
  const places: Place[] = [];
  const looked: Looked = { records: 0, recordsSince: undefined, quarantined: 0, quarantinedSince: undefined, bodies: 0, unreadable: 0 };

  for (const topic of [CALLS_TOPIC, QUARANTINE_TOPIC] as const) {
    for await (const messages of readTopic({ log, topic })) {
      for (const message of messages) look(message);
      onProgress(looked.records + looked.quarantined);
    }
  }
  await lookAtBodies();
  const rows = await rowsOf();
  for (const key of calls.keys()) mentions.delete(key);
  const written = number ? await writtenByPeople(ledger, number) : [];
  return { calls: [...calls.values()], places, rows, number, mentions: [...mentions.values()], written, looked };

  function look(message: Message): void {
    const { topic, partition, offset, appendedAt, value, key } = message;
    if (topic === CALLS_TOPIC) {
      looked.records += 1;
      looked.recordsSince ??= appendedAt;
    } else {
      looked.quarantined += 1;
      looked.quarantinedSince ??= appendedAt;
    }
    // Forgotten already.
    if (value.byteLength === 0) return;
    const { source } = fromMessage(message);
    const call = topic === CALLS_TOPIC ? callOf({ source, value, callId: key.slice(source.length + 1) || key }) : undefined;
    const has = contentHas(value, call?.callId);
    if (has === "is") {
      places.push({ topic, partition, offset, appendedAt, key });
      if (call) calls.set(nameKey(call), call);
    } else if (has === "mentions" && call) mentions.set(nameKey(call), call);
  }

  async function lookAtBodies(): Promise<void> {
    let after: DeliveryKey | undefined;
    for (;;) {
      const page = await ledger.bodies({ after, limit: BODIES_AT_ONCE });
      for (const { source, callId, body } of page) {
        const has = contentHas(body, callId);
        if (has === "is") calls.set(nameKey({ source, callId }), { source, callId });
        else if (has === "mentions") mentions.set(nameKey({ source, callId }), { source, callId });
      }
      looked.bodies += page.length;
      after = page.at(-1);
      if (page.length < BODIES_AT_ONCE) return;
    }
  }

  /** Rows of the calls that were found, and of a call_id that the log no longer has. */
  async function rowsOf(): Promise<DeliveryRow[]> {
    const named = await ledger.deliveries({ callId: what, limit: MAX_ROWS });
    for (const { source, callId } of named) calls.set(nameKey({ source, callId }), { source, callId });
    const ids = [...new Set([...calls.values()].map(({ callId }) => callId))].filter((callId) => callId !== what);
    const rows = [...named];
    for (const callId of ids) rows.push(...(await ledger.deliveries({ callId, limit: MAX_ROWS })));
    return rows.filter((row) => calls.has(nameKey(row)));
  }

  function contentHas(bytes: Uint8Array, callId: string | undefined): "is" | "mentions" | undefined {
    if (callId === what) return "is";
    const text = Buffer.from(bytes).toString("utf8");
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      looked.unreadable += 1;
      return text.includes(what) || (number && mentionsNumber(text, number)) ? "is" : undefined;
    }
    const values = [...leaves(value)];
    if (callId === undefined && values.includes(what)) return "is";
    if (!number) return undefined;
    if (values.some((one) => isWantedNumber(one, number))) return "is";
    return values.some((one) => typeof one === "string" && mentionsNumber(one, number)) ? "mentions" : undefined;
  }
}

async function writtenByPeople(ledger: WrittenLedger, number: WantedNumber): Promise<string[]> {
  const written = (await ledger.routesFiles())
    .filter(({ text }) => mentionsNumber(text, number))
    .map(({ version }) => `version ${version} of routes.yaml`);
  for (let after = 0; ; ) {
    const page = await ledger.sealedActions({ after, limit: ACTIONS_AT_ONCE });
    written.push(...page.filter(({ detail }) => mentionsNumber(detail, number)).map(({ seq }) => `action ${seq}`));
    after = page.at(-1)?.seq ?? after;
    if (page.length < ACTIONS_AT_ONCE) return written;
  }
}

const nameKey = ({ source, callId }: CallName) => `${source}\n${callId}`;

function callOf({ source, value, callId }: { source: string; value: Uint8Array; callId: string }): CallName {
  const parsed = parseRecord(value);
  return { source, callId: parsed.ok ? parsed.record.call_id : callId };
}

/** Every text and number of a JSON value, names of fields included; without recursion, since quarantine keeps what is nested too deep. */
function* leaves(root: unknown): Generator<string | number> {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === "string" || typeof value === "number") yield value;
    else if (typeof value === "object" && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        if (!Array.isArray(value)) yield name;
        open.push(inner);
      }
    }
  }
}
