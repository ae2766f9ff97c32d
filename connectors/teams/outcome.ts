import { type Outcome, outcomeOfNetworkError, parseRetryAfterMs } from "../../src/connector.ts";

const NEW_ADDRESS = "Open the flow in the Workflows app, turn it on, and put the address that its trigger shows into `url`";

/**
 * What a flow's answer means (learn.microsoft.com, Logic Apps' Request trigger). Only its own code is passed on: its messages may quote us.
 * 202 says that the flow has begun, not that the card is in the channel.
 */
export function outcomeOfAnswer(
  answer: { status: number; headers: Headers; body: string },
  options: { key: string; nowMs: number },
): Outcome {
  const { status, headers, body } = answer;
  const code = codeIn(body) ?? `http_${status}`;
  if (status === 202 || (status === 200 && isFlows(headers, body))) {
    // By this the flow's run history knows it.
    return { kind: "delivered", receipt: { id: headers.get("x-ms-workflow-run-id") ?? options.key } };
  }
  const retryAfterMs = parseRetryAfterMs(headers.get("retry-after"), options.nowMs);
  const when = retryAfterMs === undefined ? {} : { retryAfterMs };
  switch (status) {
    case 429:
      return { kind: "retry", because: "rate-limit", code: "429", reason: "Teams' flow asks to send more slowly", ...when };
    case 408:
      return { kind: "retry", because: "record", code, reason: "the flow did not get the whole request (HTTP 408)", ...when };
    // Nobody was there to begin the flow (RFC 9110 §15.6.4). Of every other 5xx nobody knows what is behind it.
    case 503:
      return { kind: "retry", because: "server", code, reason: "there was nobody to begin the flow (HTTP 503)", ...when };
    case 401:
    case 403:
      return {
        kind: "unauthorized",
        code,
        reason: `the flow refuses the address's signature (HTTP ${status})`,
        fix: `${NEW_ADDRESS}; let Anyone trigger it`,
      };
    case 404:
      return { kind: "unauthorized", code, reason: "there is no such flow (HTTP 404)", fix: NEW_ADDRESS };
    case 410:
      return { kind: "unauthorized", code, reason: "the flow was deleted (HTTP 410)", fix: NEW_ADDRESS, stopsRoute: true };
    case 413:
      return { kind: "rejected", code, reason: "the card is too large (HTTP 413)" };
  }
  if (code === "WorkflowTriggerIsNotEnabled") return { kind: "unauthorized", code, reason: "the flow is turned off", fix: NEW_ADDRESS };
  if (status >= 300 && status < 400) {
    return { kind: "unauthorized", code, reason: `the address leads elsewhere (HTTP ${status}), and is not followed`, fix: NEW_ADDRESS };
  }
  if (status >= 400 && status < 500) return { kind: "rejected", code, reason: `the flow refuses the card (HTTP ${status})` };
  return { kind: "ambiguous", code, reason: `the answer tells nothing of the card (HTTP ${status})` };
}

/** Total: what the network threw, or a fault after which the card may be there. */
export function outcomeOfError(error: unknown): Outcome {
  return outcomeOfNetworkError(error) ?? { kind: "ambiguous", code: "no_answer", reason: "the request failed in a way that is not known" };
}

/** A flow with a Response action may answer 200 with anything; a page from something in between it does not look like. */
function isFlows(headers: Headers, body: string): boolean {
  return body === "" || [...headers.keys()].some((name) => name.startsWith("x-ms-"));
}

function codeIn(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown } };
    return typeof error?.code === "string" && /^[A-Za-z]\w{0,63}$/.test(error.code) ? error.code : undefined;
  } catch {
    return undefined;
  }
}
