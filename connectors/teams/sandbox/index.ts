import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Sandbox, SandboxOptions, VendorFault } from "../../../src/connector/index.ts";
import { checkMessage, mentionsIn, type SandboxCard } from "./card.ts";

const FLOW = "/workflows/5a0d30f2b1e94c6a/triggers/manual/paths/invoke";
const SIG = "sandbox-signature_4Xq0";
const QUERY = `api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=${SIG}`;
const ORIGIN = "https://prod-00.westeurope.logic.azure.com:443";

/** Of a message in Teams (learn.microsoft.com, "Format cards in Teams"). */
const BYTES_MOST = 28 * 1024;
/** As documented for a webhook of a channel (MicrosoftDocs/msteams-docs, connectors-using): the shorter two of five. */
const LIMITS = [
  { most: 4, inMs: 1_000 },
  { most: 60, inMs: 30_000 },
];

interface Posted {
  id: string;
  card: SandboxCard;
}

/**
 * A flow that posts cards, as far as a caller meets it. Stricter in one thing: the real one answers 202 to a card that Teams then refuses, and says so
 * in its run history only; here that is a 400.
 */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const { limits = true, latencyMs = 0 } = options;
  const posted: Posted[] = [];
  const begun: number[] = [];

  /** Whole seconds until one more is taken; 0: now. */
  function waitS(): number {
    const nowMs = performance.now();
    const waits = LIMITS.map(({ most, inMs }) => {
      const [oldest] = begun.slice(-most);
      return begun.length < most || oldest === undefined ? 0 : oldest + inMs - nowMs;
    });
    return Math.max(0, Math.ceil(Math.max(...waits) / 1000));
  }

  async function answer(request: Request): Promise<Response> {
    if (latencyMs > 0) await delay(latencyMs);
    const url = new URL(request.url);
    if (url.pathname !== FLOW) return refuse(404, "WorkflowNotFound", "The workflow could not be found.");
    const sig = url.searchParams.get("sig");
    if (sig === null)
      return refuse(401, "DirectApiAuthorizationRequired", "The request must be authenticated only by Shared Access scheme.");
    if (sig !== SIG || !url.searchParams.has("api-version")) {
      return refuse(401, "AuthorizationFailed", "The authentication credentials are not valid.");
    }
    if (request.method !== "POST") return refuse(405, "MethodNotAllowed", "The method is not allowed.");
    if (request.headers.get("content-type")?.split(";")[0] !== "application/json") {
      return refuse(415, "UnsupportedMediaType", "The trigger takes application/json.");
    }
    const wait = limits ? waitS() : 0;
    if (wait > 0) return tooMany(wait);
    begun.push(performance.now());
    const body = await request.text();
    if (Buffer.byteLength(body) > BYTES_MOST) {
      return refuse(413, "RequestEntityTooLarge", "The payload is too large: a message must be less than 28KB.");
    }
    const checked = checkMessage(body);
    if ("wrong" in checked) return refuse(400, "InvalidCard", checked.wrong);
    const id = `0858${randomBytes(12).toString("hex").toUpperCase()}CU01`;
    posted.push({ id, card: checked.card });
    return new Response(null, { status: 202, headers: { "x-ms-workflow-run-id": id } });
  }

  const flowUrl = (sig: string) => `${ORIGIN}${FLOW}?${QUERY.replace(SIG, sig)}`;
  return {
    example: {},
    wrong: { url: flowUrl("wrong-credential") },
    writes: ({ method, path }) => method === "POST" && path === FLOW,
    fault: faultOf,
    fetch: answer,
    settings: ({ url }) => ({ base_url: url, url: flowUrl(SIG), ...(limits ? {} : { rate: "none" }) }),
    records: async () =>
      posted.map(({ id, card }) => ({
        key: card.body.at(-1)?.id ?? "",
        id,
        line: `"${card.fallbackText}" · ${id}`,
        body: { ...card, mentions: mentionsIn(card) },
      })),
  };
}

function refuse(status: number, code: string, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ error: { code, message } }, { status, headers: { "x-ms-request-id": "westeurope:sandbox", ...headers } });
}

function tooMany(waitS: number | undefined): Response {
  return refuse(429, "WorkflowRunActionThrottled", "Rate limit is exceeded.", waitS === undefined ? {} : { "retry-after": String(waitS) });
}

function faultOf(kind: VendorFault): Response {
  switch (kind) {
    case "rate-limited":
      return tooMany(1);
    case "rate-limited-silent":
      return tooMany(undefined);
    case "server-error":
      return refuse(500, "InternalServerError", "Encountered internal server error.");
    case "unauthorized":
      return refuse(401, "AuthorizationFailed", "The authentication credentials are not valid.");
  }
}
