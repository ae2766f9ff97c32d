/** The ingress' half of a call's trip: receive → verify → judge → append. House plan §3, steps 1–3. */
import { createHash, randomUUID } from "node:crypto";
import { LogUnavailableError, RecordTooLargeError } from "../errors.ts";
import { CALLS_TOPIC, type Log, QUARANTINE_TOPIC } from "../log/log.ts";
import { recordKey, toHeaders } from "../model/envelope.ts";
import { type FieldProblem, judgeRecord } from "../model/record.ts";
import type { Verify } from "./verify.ts";

export interface Answer {
  status: number;
  code: string;
  message?: string;
  fields?: FieldProblem[];
  callId?: string;
  retryAfterSeconds?: number;
  /** Which of the source's secrets verified it. */
  secretIndex?: number;
}

export interface Delivery {
  /** The source's name. */
  source: string;
  verify: Verify;
  signature: string | undefined;
  traceparent: string | undefined;
  body: Uint8Array;
  requestId: string;
}

const RETRY_AFTER_SECONDS = 5;
/** Bodies remembered as quarantined already: VoiceInfra tries a refused delivery again and again. */
const REMEMBERED_BODIES = 10_000;
/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Answers 200 only when the record is durable in the log. */
export function createAccept(options: { log: Log; nowMs: () => number }): (delivery: Delivery) => Promise<Answer> {
  const { log, nowMs } = options;
  const quarantined = new Set<string>();

  async function quarantine(delivery: Delivery, code: string): Promise<void> {
    const { source, body, requestId } = delivery;
    const key = createHash("sha256").update(body).digest("hex");
    if (quarantined.has(key)) return;
    const headers = { ...toHeaders({ source, acceptedAt: nowMs(), requestId }), code };
    await log.append({ topic: QUARANTINE_TOPIC, key, value: body, headers });
    quarantined.add(key);
    const [oldest] = quarantined;
    if (quarantined.size > REMEMBERED_BODIES && oldest) quarantined.delete(oldest);
  }

  async function append(delivery: Delivery, callId: string): Promise<void> {
    const { source, body, requestId, traceparent } = delivery;
    const trace = traceparent !== undefined && TRACEPARENT.test(traceparent) ? traceparent : newTraceparent(requestId);
    const headers = toHeaders({ source, acceptedAt: nowMs(), requestId, traceparent: trace });
    await log.append({ topic: CALLS_TOPIC, key: recordKey(source, callId), value: body, headers });
  }

  return async (delivery) => {
    const { verify, signature, body } = delivery;
    const verified = verify({ signature, body });
    if (!verified.ok) return { status: 401, code: verified.code, message: verified.message };
    const { secretIndex } = verified;

    const judged = judgeRecord(body);
    try {
      if (judged.ok) {
        const { callId } = judged;
        await append(delivery, callId);
        return { status: 200, code: "accepted", callId, secretIndex };
      }
      const { status, code, message, fields } = judged;
      if (status === 422) await quarantine(delivery, code);
      return { status, code, message, fields, secretIndex };
    } catch (error) {
      return { ...answerOfFailure(error), secretIndex };
    }
  };
}

function answerOfFailure(error: unknown): Answer {
  if (error instanceof LogUnavailableError) {
    const message = "The call could not be stored now. Please send it again.";
    return { status: 503, code: "log_unavailable", message, retryAfterSeconds: RETRY_AFTER_SECONDS };
  }
  if (error instanceof RecordTooLargeError) return { status: 413, code: "too_large", message: "The record is larger than the log takes." };
  throw error;
}

/** The request id is the trace id, so that either leads to the other. Node takes UUIDs from a pool of random bytes, one call for many. */
function newTraceparent(requestId: string): string {
  const span = randomUUID();
  return `00-${requestId.replaceAll("-", "")}-${span.slice(0, 8)}${span.slice(9, 13)}${span.slice(24, 28)}-01`;
}
