import { WebClient } from "@slack/web-api";
import { namingHost, OpenError, outcomeOfReadingError, parseRetryAfterMs, type Secret } from "../../src/connector/index.ts";
import { outcomeOfSlack, SCOPE_FIX } from "./errors.ts";

/** The SDK prints nothing: its debug lines hold whole messages. */
const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => "error" as never,
  setName: () => undefined,
};

/**
 * As the SDK fetches, with two differences: of an answer that leads elsewhere the status is read, instead of an error without one, and a `Retry-After`
 * that is a date (RFC 9110 §10.2.3) is made the seconds that the SDK reads.
 */
const fetchOnce: typeof fetch = async (input, init) => {
  const response = await namingHost(String(input), () => fetch(input, { ...init, redirect: "manual" }));
  const waitMs = parseRetryAfterMs(response.headers.get("retry-after"), Date.now());
  if (response.status !== 429 || waitMs === undefined) return response;
  return new Response(response.body, { status: 429, headers: { "retry-after": String(Math.ceil(waitMs / 1000)) } });
};

export function createClient(options: { token: Secret; baseUrl: string | undefined; timeoutMs: number }): WebClient {
  const { token, baseUrl, timeoutMs } = options;
  return new WebClient(token.reveal(), {
    ...(baseUrl === undefined ? {} : { slackApiUrl: `${baseUrl.replace(/\/+$/, "")}/` }),
    // The SDK would post a message again after a lost answer: that is not for it to decide.
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: timeoutMs,
    allowAbsoluteUrls: false,
    fetch: fetchOnce,
    logger: silent,
  });
}

/** The bot that the token belongs to. @throws {OpenError} when Slack does not take the token, or does not answer. */
export async function identifyBot(client: WebClient): Promise<{ botId: string | undefined; workspaceUrl: string | undefined }> {
  const { bot_id, url, response_metadata } = await client.auth.test().catch((error: unknown) => {
    throw asOpenError(error);
  });
  if (response_metadata?.scopes && !response_metadata.scopes.includes("chat:write")) {
    const reason = "the app may not post messages (missing_scope)";
    throw new OpenError({ kind: "needs-fix", code: "missing_scope", reason, fix: SCOPE_FIX });
  }
  return { botId: bot_id, workspaceUrl: url?.startsWith("https://") ? url : undefined };
}

/** Nothing was posted yet, so nothing is unclear. */
function asOpenError(error: unknown): unknown {
  const outcome = outcomeOfReadingError(error) ?? outcomeOfSlack(error, { channel: "" });
  if (outcome.kind === "delivered") return error;
  if (outcome.kind !== "ambiguous") return new OpenError(outcome);
  return new OpenError({ kind: "retry", because: "down", code: outcome.code, reason: "Slack does not answer as it should" });
}
