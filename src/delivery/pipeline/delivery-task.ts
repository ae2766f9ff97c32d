/** Where a delivery comes from: a message of the log, or a row of the ledger that is due. What differs between the two is here. */
import type { DueDelivery } from "../../ledger/ledger.ts";
import type { Taken } from "../../log/log.ts";
import { toHeaders } from "../../model/envelope.ts";
import type { Admission, Admitted } from "../limits/admission.ts";
import type { ReadableMessage } from "./parse-message.ts";

interface Task {
  message: ReadableMessage;
  /** A person put it on the route again. */
  replay: boolean;
  /** Aborted when the worker stops, and for a message when its partition leaves. */
  signal: AbortSignal;
}
export interface MessageTask extends Task {
  kind: "message";
  taken: Taken;
}
/** It comes claimed. */
export interface DueTask extends Task {
  kind: "due";
  due: DueDelivery;
  /** Monotonic, before the claim was requested. */
  claimedAtMs: number;
}
export type DeliveryTask = MessageTask | DueTask;

export function messageTask(taken: Taken, signal: AbortSignal): MessageTask {
  return { kind: "message", taken, message: taken.message, replay: false, signal };
}

export function dueTask(due: DueDelivery, { claimedAtMs, signal }: { claimedAtMs: number; signal: AbortSignal }): DueTask {
  const { source, callId, acceptedAt, body: value, replay } = due;
  const message = { key: `${source}/${callId}`, value, headers: toHeaders({ source, acceptedAt, requestId: "" }) };
  return { kind: "due", due, message, replay, claimedAtMs, signal };
}

/** Waits until a message may be attempted. A due row is claimed already, so it does not wait for an admission that has closed since. */
export async function admitDelivery({ kind, message, signal }: DeliveryTask, admission: Admission): Promise<Admitted | undefined> {
  if (kind === "due" && admission.room() === 0) return undefined;
  return admission.enter({ key: message.key, signal });
}
