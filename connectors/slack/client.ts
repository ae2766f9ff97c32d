import { WebClient } from "@slack/web-api";
import { type Failure, OpenError, parseRetryAfterMs, type Secret } from "../../src/connector/index.ts";
import { outcomeOfSlack, SCOPE_FIX } from "./outcome.ts";

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
 * As the SDK asks for it, but: of an answer that leads elsewhere the status is read, instead of an error without one, and a `Retry-After` that is a date
 * (RFC 9110 §10.2.3) is made the seconds that the SDK reads.
 */
const ask: typeof fetch = async (input, init) => {
  const response = await fetch(input, { ...init, redirect: "manual" });
  const waitMs = parseRetryAfterMs(response.headers.get("retry-after"), Date.now());
  if (response.status !== 429 || waitMs === undefined) return response;
  return new Response(response.body, { status: 429, headers: { "retry-after": String(Math.ceil(waitMs / 1000)) } });
};

export function createClient(options: { token: Secret; baseUrl: string | undefined; timeoutMs: number }): WebClient {
  const { token, baseUrl, timeoutMs } = options;
  return new WebClient(token.reveal(), {
    ...(baseUrl === undefined ? {} : { slackApiUrl: `${baseUrl.replace(/\/+$/, "")}/` }),
    // The SDK would post a message again after a lost answer: that decision is not its own.
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: timeoutMs,
    allowAbsoluteUrls: false,
    fetch: ask,
    logger: silent,
  });
}

/** The bot that the token is of. @throws {OpenError} when Slack does not take the token, or does not answer. */
export async function whoAmI(client: WebClient): Promise<{ botId: string | undefined; workspaceUrl: string | undefined }> {
  try {
    const { bot_id, url, response_metadata } = await client.auth.test();
    if (response_metadata?.scopes && !response_metadata.scopes.includes("chat:write")) {
      throw new OpenError(MISSING_SCOPE);
    }
    return { botId: bot_id, workspaceUrl: url?.startsWith("https://") ? url : undefined };
  } catch (error) {
    if (error instanceof OpenError) throw error;
    const outcome = outcomeOfSlack(error, { channel: "" });
    if (outcome.kind === "delivered") throw error;
    // Nothing was posted yet, so that nothing is unclear.
    if (outcome.kind === "ambiguous") {
      throw new OpenError({ kind: "retry", because: "down", code: outcome.code, reason: "Slack does not answer as it should" });
    }
    throw new OpenError(outcome);
  }
}

const MISSING_SCOPE: Failure = {
  kind: "needs-fix",
  code: "missing_scope",
  reason: "the app may not post messages (missing_scope)",
  fix: SCOPE_FIX,
};
