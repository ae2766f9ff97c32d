import { randomUUID } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import type { Logger } from "../lib/logger.ts";
import type { Log } from "../log/log.ts";
import { type Answer, createAccept } from "./accept.ts";
import { readBody } from "./body.ts";
import type { IngressMetrics } from "./metrics.ts";
import type { Verify } from "./verify.ts";

const MAX_BODY_BYTES = 1_000_000;
/** Bodies held at once, all requests together: beyond, memory is worth more than one more delivery that VoiceInfra sends again. */
const MAX_BYTES_IN_FLIGHT = 64_000_000;
const READY_CHECK_EVERY_MS = 1_000;

export interface IngressAppOptions {
  /** As they are now: an edit of routes.yaml changes them between two deliveries. */
  verifyOf(source: string): Verify | undefined;
  log: Log;
  logger: Logger;
  metrics: IngressMetrics;
  nowMs: () => number;
  /** While stopping, connections are told to close after their answer. */
  isStopping: () => boolean;
}

type IngressContext = Context<{ Bindings: HttpBindings }>;

/** The webhook endpoint and its health, as a Hono app for Node. */
export function createIngressApp(options: IngressAppOptions): Hono<{ Bindings: HttpBindings }> {
  const { verifyOf, log, logger, metrics, nowMs, isStopping } = options;
  const accept = createAccept({ log, nowMs });
  const isReady = createReadyCheck(log);
  let bytesInFlight = 0;

  function answerWith(c: IngressContext, requestId: string, sourceName: string, startedAtMs: number, answer: Answer): Response {
    const { status, code, message, fields, callId, retryAfterSeconds, secretIndex } = answer;
    metrics.answered({ source: sourceName, code, secretIndex, tookMs: performance.now() - startedAtMs, atMs: nowMs() });
    if (status !== 200)
      logger.warn({ source: sourceName, status, code, fields: fields?.map(({ field }) => field), requestId }, "delivery refused");

    const headers: Record<string, string> = { "content-type": "application/json", "x-request-id": requestId };
    if (retryAfterSeconds !== undefined) headers["retry-after"] = String(retryAfterSeconds);
    // What is left of a body that was not read must not be taken for the next request.
    const { incoming, outgoing } = c.env;
    if (isStopping() || status === 413 || !incoming.complete) headers.connection = "close";
    const body =
      status === 200 ? { status: "accepted", call_id: callId, request_id: requestId } : { code, message, fields, request_id: requestId };
    // Straight to Node's response: a web `Response` in between costs an eighth of the accepts per second.
    const text = `${JSON.stringify(body)}\n`;
    // Without its length Node would send it in chunks, in a system call of its own.
    headers["content-length"] = String(Buffer.byteLength(text));
    outgoing.writeHead(status, headers).end(text);
    return RESPONSE_ALREADY_SENT;
  }

  async function receive(c: IngressContext, source: string, verify: Verify, requestId: string): Promise<Answer> {
    const { incoming } = c.env;
    const encoding = incoming.headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") {
      return { status: 415, code: "content_encoding", message: "Send the body without Content-Encoding." };
    }
    if (bytesInFlight > MAX_BYTES_IN_FLIGHT) {
      return { status: 503, code: "overloaded", message: "Too many deliveries at once. Please send it again.", retryAfterSeconds: 1 };
    }
    const read = await readBody(incoming, MAX_BODY_BYTES);
    if (read.kind === "too_large") return { status: 413, code: "too_large", message: `The body is larger than ${MAX_BODY_BYTES} bytes.` };
    if (read.kind === "cut_short") return { status: 400, code: "cut_short", message: "The body ended before it was whole." };

    const { body } = read;
    bytesInFlight += body.byteLength;
    try {
      const { "x-voiceinfra-signature": signature, traceparent } = incoming.headers as Record<string, string | undefined>;
      const answer = await accept({ source, verify, signature, traceparent, body, requestId });
      if (answer.status === 200) metrics.bytes.inc(body.byteLength);
      return answer;
    } catch (error) {
      logger.error({ requestId, source, fault: error instanceof Error ? error.stack : "unknown" }, "fault in the ingress");
      return { status: 500, code: "internal", message: "A fault of ours; please send it again." };
    } finally {
      bytesInFlight -= body.byteLength;
    }
  }

  const app = new Hono<{ Bindings: HttpBindings }>();

  app.post("/webhooks/:source", async (c) => {
    const startedAtMs = performance.now();
    const requestId = randomUUID();
    const source = c.req.param("source");
    const verify = verifyOf(source);
    if (!verify) {
      const message = "There is no such source. The path is /webhooks/<source>, as named in routes.yaml.";
      return answerWith(c, requestId, "unknown", startedAtMs, { status: 404, code: "unknown_source", message });
    }
    metrics.inFlight.inc();
    try {
      return answerWith(c, requestId, source, startedAtMs, await receive(c, source, verify, requestId));
    } finally {
      metrics.inFlight.dec();
    }
  });
  app.all("/webhooks/:source", (c) => {
    c.header("allow", "POST");
    return c.json({ code: "method_not_allowed", message: "Deliveries are POSTed." }, 405);
  });

  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", async (c) => {
    const reason = await isReady();
    return reason === undefined ? c.json({ status: "ready" }) : c.json({ status: "not ready", reason }, 503);
  });
  app.get("/metrics", async (c) => c.body(await metrics.registry.metrics(), 200, { "content-type": metrics.registry.contentType }));
  app.notFound((c) => c.json({ code: "not_found", message: "Here are /webhooks/<source>, /healthz, /readyz and /metrics." }, 404));
  app.onError((error, c) => {
    logger.error({ fault: error.stack }, "fault in the ingress");
    return c.json({ code: "internal", message: "A fault of ours; please send it again." }, 500);
  });
  return app;
}

/** `undefined` when the log can store now, else why not; asked at most once a second. */
function createReadyCheck(log: Log): () => Promise<string | undefined> {
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let checking: Promise<string | undefined> = Promise.resolve(undefined);
  return () => {
    if (performance.now() - checkedAtMs > READY_CHECK_EVERY_MS) {
      checkedAtMs = performance.now();
      checking = log.check().then(
        () => undefined,
        (error: Error) => error.message,
      );
    }
    return checking;
  };
}
