/** Records that were signed and are no call records: kept once, by their hash, until their retention ends. */
import { randomUUID } from "node:crypto";
import type { ActionLedger } from "../ledger/actions.ts";
import type { ViewLedger } from "../ledger/views.ts";
import { CALLS_TOPIC, type Log, type Message, QUARANTINE_TOPIC } from "../log/log.ts";
import { readTopic } from "../log/pages.ts";
import { fromMessage, recordKey, toHeaders } from "../model/envelope.ts";
import { type FieldProblem, validateRecord } from "../model/record.ts";

const ROUTES_OF_A_CALL = 1_000;
const MAX_REPLAYED = 100_000;
/** The action of a record that was accepted as a call, and how its detail begins. */
const ACCEPT = "accept";
const ACCEPTED = "quarantined record ";
/** The code of a record that this version takes. */
const ACCEPTED_NOW = "accepted now";
const REPLAYED = "replayed";

export interface Quarantined {
  /** Of the body: the first twelve letters of its SHA-256. */
  id: string;
  source: string;
  at: number;
  bytes: number;
  code: string;
  /** Of this version's rules: `[]` where they take it. */
  problems: FieldProblem[];
  message: Message;
}

/** Each body once, oldest first. */
export async function readQuarantine(log: Log): Promise<Quarantined[]> {
  const found = new Map<string, Quarantined>();
  for await (const messages of readTopic({ log, topic: QUARANTINE_TOPIC })) {
    // Without a value: forgotten.
    for (const message of messages)
      if (message.value.byteLength > 0 && !found.has(message.key)) found.set(message.key, toQuarantined(message));
  }
  return [...found.values()].sort((a, b) => a.at - b.at);
}

function toQuarantined(message: Message): Quarantined {
  const { source, acceptedAt } = fromMessage(message);
  const judged = validateRecord(message.value);
  return {
    id: message.key.slice(0, 12),
    source,
    at: acceptedAt || message.appendedAt,
    bytes: message.value.byteLength,
    code: judged.ok ? ACCEPTED_NOW : judged.code,
    problems: judged.ok ? [] : (judged.fields ?? [{ field: "(record)", problem: judged.message }]),
    message,
  };
}

/** Ids of the records that were accepted as calls by a replay. */
export async function replayedIds(ledger: Pick<ActionLedger, "actions">): Promise<Set<string>> {
  const accepted = await ledger.actions({ action: ACCEPT, limit: MAX_REPLAYED });
  return new Set(accepted.map(({ detail }) => detail.slice(ACCEPTED.length)));
}

/** Their code says that they were replayed. */
export function markReplayed(found: Quarantined[], replayed: ReadonlySet<string>): Quarantined[] {
  return found.map((one) => (isAcceptedNow(one) && replayed.has(one.id) ? { ...one, code: REPLAYED } : one));
}

export const isAcceptedNow = ({ code }: Quarantined) => code === ACCEPTED_NOW;
export const wasReplayed = ({ code }: Quarantined) => code === REPLAYED;

/** What became of one: `overtaken` by another record of its call, accepted `at`, which would go back to this one. */
export type ReplayedRecord = { kind: "accepted" } | { kind: "no-call" } | { kind: "overtaken"; callId: string; at: number };

/**
 * Validates it again, appends it as the ingress would, and records that it was accepted. `again`: also where a record of the call was accepted
 * since. A crash between append and action leaves a call that is in the log and a record that can be replayed again, into the same call.
 */
export async function replayQuarantined(options: {
  one: Quarantined;
  log: Log;
  ledger: Pick<ViewLedger, "deliveries"> & Pick<ActionLedger, "note">;
  nowMs: number;
  by: string;
  again?: boolean | undefined;
}): Promise<ReplayedRecord> {
  const { one, log, ledger, nowMs, by, again = false } = options;
  const judged = validateRecord(one.message.value);
  if (!judged.ok) return { kind: "no-call" };
  const { callId } = judged;
  if (!again) {
    const rows = await ledger.deliveries({ callId, limit: ROUTES_OF_A_CALL });
    const at = Math.max(0, ...rows.filter(({ source }) => source === one.source).map(({ acceptedAt }) => acceptedAt));
    if (at > one.at) return { kind: "overtaken", callId, at };
  }
  const { signature } = fromMessage(one.message);
  const headers = toHeaders({ source: one.source, acceptedAt: nowMs, requestId: randomUUID(), signature });
  await log.append({ topic: CALLS_TOPIC, key: recordKey(one.source, callId), value: one.message.value, headers });
  await ledger.note({ by, route: "", action: ACCEPT, detail: `${ACCEPTED}${one.id}` });
  return { kind: "accepted" };
}
