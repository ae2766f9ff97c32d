/** The ingress' half of a call's path, once its body is there: verify → validate → append (docs/architecture.md). */
import { createHash, randomUUID } from "node:crypto";
import { LogUnavailableError, RecordTooLargeError } from "../errors.ts";
import { CALLS_TOPIC, type Log, QUARANTINE_TOPIC } from "../log/log.ts";
import { recordKey, toHeaders } from "../model/envelope.ts";
import { type FieldProblem, validateRecord } from "../model/record.ts";
import type { Quota } from "./quota.ts";
import { bodyKey, createRepeated } from "./repeated.ts";
import type { Verifier } from "./verify.ts";

export interface Answer {
  status: number;
  code: string;
  message?: string;
  fields?: FieldProblem[];
  callId?: string;
  retryAfterSeconds?: number;
  /** Which of the source's secrets verified it. */
  secretIndex?: number;
  /** It was taken without a signature. */
  unsigned?: boolean;
}

export interface InboundRequest {
  /** The source's name. */
  source: string;
  verifier: Verifier;
  signature: string | undefined;
  traceparent: string | undefined;
  body: Uint8Array;
  requestId: string;
}

const RETRY_AFTER_SECONDS = 5;
const RETRY_QUOTA_AFTER_SECONDS = 600;
/** Bodies remembered as quarantined already: VoiceInfra tries a refused delivery again and again. */
const REMEMBERED_BODIES = 10_000;
/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export interface AcceptOptions {
  log: Log;
  /** Whether the log can store now. */
  isReady: () => Promise<boolean>;
  quota: Quota;
  nowMs: () => number;
  monotonicMs: () => number;
  /** Of a call or a quarantined record, once it is durable. */
  onStored: (stored: { source: string; bytes: number }) => void;
}

/** Answers 200 only when the record is durable in the log. */
export function createAccept(options: AcceptOptions): (delivery: InboundRequest) => Promise<Answer> {
  const { log, isReady, quota, nowMs, monotonicMs, onStored } = options;
  const repeated = createRepeated({ log, isReady, monotonicMs });
  const quarantined = new Set<string>();

  function stored(source: string, bytes: number): void {
    quota.add(source, bytes);
    onStored({ source, bytes });
  }

  async function quarantine(delivery: InboundRequest, signature: string | undefined, code: string): Promise<void> {
    const { source, body, requestId } = delivery;
    const key = createHash("sha256").update(body).digest("hex");
    if (quarantined.has(key)) return;
    const headers = { ...toHeaders({ source, acceptedAt: nowMs(), requestId, signature }), code };
    await log.append({ topic: QUARANTINE_TOPIC, key, value: body, headers });
    stored(source, body.byteLength);
    quarantined.add(key);
    const [oldest] = quarantined;
    if (quarantined.size > REMEMBERED_BODIES && oldest) quarantined.delete(oldest);
  }

  function append(delivery: InboundRequest, signature: string | undefined, callId: string) {
    const { source, body, requestId, traceparent } = delivery;
    const trace = traceparent !== undefined && TRACEPARENT.test(traceparent) ? traceparent : newTraceparent(requestId);
    const headers = toHeaders({ source, acceptedAt: nowMs(), requestId, traceparent: trace, signature });
    return log.append({ topic: CALLS_TOPIC, key: recordKey(source, callId), value: body, headers });
  }

  async function store(delivery: InboundRequest, signature: string | undefined): Promise<Answer> {
    const { source, body } = delivery;
    const key = bodyKey({ source, signature, body });
    const before = await repeated.find({ key, body });
    if (before) return { status: 200, code: "repeated", callId: before.callId };
    if (quota.isUsedUp(source)) return QUOTA_USED_UP;

    const judged = validateRecord(body);
    if (!judged.ok) {
      const { status, code, message, fields } = judged;
      if (status === 422) await quarantine(delivery, signature, code);
      return { status, code, message, ...(fields && { fields }) };
    }
    const { callId } = judged;
    const position = append(delivery, signature, callId);
    repeated.remember(key, { callId, stored: position });
    await position;
    stored(source, body.byteLength);
    return { status: 200, code: "accepted", callId };
  }

  return async (delivery) => {
    const { verifier, signature, body } = delivery;
    const verified = verifier.verify({ signature, body });
    if (!verified.ok) return { status: verified.status, code: verified.code, message: verified.message };
    const { secretIndex } = verified;
    const who = secretIndex === undefined ? { unsigned: true } : { secretIndex };
    try {
      return { ...(await store(delivery, secretIndex === undefined ? undefined : signature)), ...who };
    } catch (error) {
      return { ...answerOfFailure(error), ...who };
    }
  };
}

const QUOTA_USED_UP: Answer = {
  status: 429,
  code: "quota",
  message: "This source has stored as much as it may in 24 hours (PATCHBAY_SOURCE_QUOTA). Please send it again later.",
  retryAfterSeconds: RETRY_QUOTA_AFTER_SECONDS,
};

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
