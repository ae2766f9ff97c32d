/** Records that were signed and are no call records: kept once, by their hash, until their retention ends. */
import { randomUUID } from "node:crypto";
import type { Ledger } from "../ledger/ledger.ts";
import { CALLS_TOPIC, type Log, type Message, QUARANTINE_TOPIC } from "../log/log.ts";
import { readTopic } from "../log/pages.ts";
import { fromMessage, recordKey, toHeaders } from "../model/envelope.ts";
import { type FieldProblem, validateRecord } from "../model/record.ts";

const ROUTES_OF_A_CALL = 1_000;

export interface Quarantined {
  /** Of the body: the first twelve letters of its SHA-256. */
  id: string;
  source: string;
  at: number;
  bytes: number;
  code: string;
  /** As of now: `[]` when a newer version takes it. */
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
    code: judged.ok ? "accepted now" : judged.code,
    problems: judged.ok ? [] : (judged.fields ?? [{ field: "(record)", problem: judged.message }]),
    message,
  };
}

/** What became of one: `overtaken` by another record of its call, accepted `at`, which would go back to this one. */
export type ReplayedRecord = { kind: "accepted" } | { kind: "no-call" } | { kind: "overtaken"; callId: string; at: number };

/** Validates it once more and appends it as the ingress would. `again`: also where the call has come since. */
export async function replayQuarantined(options: {
  one: Quarantined;
  log: Log;
  ledger: Ledger;
  nowMs: number;
  again?: boolean | undefined;
}): Promise<ReplayedRecord> {
  const { one, log, ledger, nowMs, again = false } = options;
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
  return { kind: "accepted" };
}
