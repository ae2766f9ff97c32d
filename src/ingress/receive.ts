/** One delivery: judged by its head, read into room that was kept for it, accepted, answered. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer, createAccept, InboundRequest } from "./accept.ts";
import { readBody } from "./body.ts";
import type { IngressMetrics } from "./metrics.ts";
import type { Refusals } from "./refusals.ts";
import type { Reply } from "./respond.ts";
import type { Room } from "./room.ts";
import type { Verifier } from "./verify.ts";

const MAX_BODY_BYTES = 1_000_000;

export interface ReceiveOptions {
  /** As they are now: an edit of routes.yaml changes them between two deliveries. */
  verifierOf(source: string): { verifier: Verifier; known: boolean };
  accept: ReturnType<typeof createAccept>;
  room: Room;
  addressOf: (incoming: IncomingMessage) => string;
  respond: (reply: Reply) => void;
  refusals: Refusals;
  metrics: IngressMetrics;
  nowMs: () => number;
}

export interface Received {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
  /** Of the path. */
  source: string;
}

const OVERLOADED: Answer = {
  status: 503,
  code: "overloaded",
  message: "Too many deliveries at once, or this one came too slowly. Please send it again.",
  retryAfterSeconds: 1,
};
const TOO_LARGE: Answer = { status: 413, code: "too_large", message: `The body is larger than ${MAX_BODY_BYTES} bytes.` };
const CRUMBS: Answer = { status: 400, code: "crumbs", message: "The body comes in pieces of a few bytes. Please send it in larger ones." };
const CUT_SHORT: Answer = { status: 400, code: "cut_short", message: "The body ended before it was whole." };
const INTERNAL: Answer = { status: 500, code: "internal", message: "A fault of ours; please send it again." };

export function createReceive(options: ReceiveOptions): (received: Received) => Promise<void> {
  const { verifierOf, accept, room, addressOf, respond, refusals, metrics, nowMs } = options;

  async function read(received: Received, delivery: Omit<InboundRequest, "body">): Promise<Answer> {
    const { incoming, outgoing } = received;
    const result = await readBody({
      incoming,
      maxBytes: MAX_BODY_BYTES,
      room,
      address: addressOf(incoming),
      onBegin() {
        // Node lets no other expectation come so far; HTTP/1.0 knows none.
        if (incoming.headers.expect !== undefined && incoming.httpVersion === "1.1") outgoing.writeContinue();
      },
    });
    if (result.kind === "too_large") return TOO_LARGE;
    if (result.kind === "cut_short") return CUT_SHORT;
    if (result.kind === "crumbs") return CRUMBS;
    if (result.kind === "no_room") return OVERLOADED;
    try {
      return await accept({ ...delivery, body: result.body });
    } finally {
      result.place.leave();
    }
  }

  return async ({ incoming, outgoing, source }) => {
    const startedAtMs = performance.now();
    const requestId = randomUUID();
    const { verifier, known } = verifierOf(source);
    const { "x-voiceinfra-signature": signature, traceparent } = incoming.headers as Record<string, string | undefined>;
    let fault: string | undefined;
    metrics.inFlight.inc();
    // Without a turn in between: what the connection has sent behind this head is then not even looked at.
    const answer =
      refuseByHead({ incoming, signature, verifier }) ??
      (await read({ incoming, outgoing, source }, { source, verifier, signature, traceparent, requestId }).catch((error) => {
        fault = error instanceof Error ? error.stack : "unknown";
        return INTERNAL;
      }));
    metrics.inFlight.dec();

    // Anybody can write any path: it is no label, and no text of our log.
    const sourceName = known ? source : "unknown";
    const { status, code, message, fields, callId, retryAfterSeconds, secretIndex, unsigned = false } = answer;
    metrics.answered({ source: sourceName, code, secretIndex, unsigned, tookMs: performance.now() - startedAtMs, atMs: nowMs() });
    if (status !== 200) refusals.said({ source: sourceName, status, code, fields: fields?.map(({ field }) => field), requestId, fault });

    const headers: Record<string, string> = { "x-request-id": requestId };
    if (retryAfterSeconds !== undefined) headers["retry-after"] = String(retryAfterSeconds);
    const accepted = { status: "accepted", call_id: callId, ...(code === "repeated" && { repeated: true }), request_id: requestId };
    respond({ incoming, outgoing, status, headers, body: status === 200 ? accepted : { code, message, fields, request_id: requestId } });
  };
}

/** What can be refused before a byte of the body is read: memory is for those who may send. */
function refuseByHead(options: { incoming: IncomingMessage; signature: string | undefined; verifier: Verifier }): Answer | undefined {
  const { incoming, signature, verifier } = options;
  const refused = verifier.refuseByHead(signature);
  if (refused) return refused;
  const { "content-encoding": encoding = "" } = incoming.headers;
  // Its names are not case-sensitive (RFC 9110 §8.4.1).
  if (/^[\s,]*(identity[\s,]*)*$/i.test(encoding)) return undefined;
  return { status: 415, code: "content_encoding", message: "Send the body without Content-Encoding." };
}
