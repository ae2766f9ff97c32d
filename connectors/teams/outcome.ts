import { type Outcome, outcomeOfEdge, outcomeOfNetworkError, parseRetryAfterMs, waitOf } from "../../src/connector/index.ts";

const NEW_ADDRESS = "Open the flow in the Workflows app, turn it on, and put the address that its trigger shows into `url`";

type Wait = { retryAfterMs?: number };

/**
 * What a flow's answer means (learn.microsoft.com, Logic Apps' Request trigger). Only its own code is passed on: its messages may quote us.
 * 202 says that the flow has begun, not that the card is in the channel.
 */
export function outcomeOfAnswer(
  answer: { status: number; headers: Headers; body: string },
  options: { key: string; nowMs: number },
): Outcome {
  const { status, headers, body } = answer;
  const own = codeIn(body);
  const begun = status === 202 || (status === 200 && isFlows(headers));
  if (begun && own === undefined && !/delivery failed/i.test(body)) {
    // By this the flow's run history knows it.
    return { kind: "delivered", receipt: { id: headers.get("x-ms-workflow-run-id") ?? options.key } };
  }
  const code = own ?? `http_${status}`;
  const wait = waitOf(parseRetryAfterMs(headers.get("retry-after"), options.nowMs));
  const known = outcomeOfCode(own ?? "", wait) ?? outcomeOfStatus(status, code, wait);
  if (known) return known;
  const edge = outcomeOfEdge(status, { title: "the flow", fix: NEW_ADDRESS, retryAfter: headers.get("retry-after") });
  if (edge) return { ...edge, code };
  if (status >= 400 && status < 500) return { kind: "rejected", code, reason: `the flow refuses the card (HTTP ${status})` };
  return { kind: "ambiguous", code, reason: `the answer tells nothing of the card (HTTP ${status})` };
}

/** Codes of Logic Apps and Power Automate that say more than their status, whatever that is. */
function outcomeOfCode(code: string, wait: Wait): Outcome | undefined {
  const needsFix = (reason: string, fix: string): Outcome => ({ kind: "needs-fix", code, reason, fix });
  // Turned off, deleted, or suspended: by a data policy (DLP), by its plan, or because nobody has used it for 90 days.
  if (/^(WorkflowTriggerIsNotEnabled|(Workflow|Flow)\w*(Disabled|Suspended))$/.test(code))
    return needsFix(
      "the flow is turned off, suspended or deleted",
      `${NEW_ADDRESS}; where a data policy suspends it, an administrator lifts that`,
    );
  if (code === "TriggerInputSchemaMismatch")
    return needsFix(
      "the flow's trigger has a schema that no card fits",
      "Leave the trigger's Request Body JSON Schema empty, as the template has it",
    );
  if (/ApiVersion/.test(code)) return needsFix("the flow's address is not whole", NEW_ADDRESS);
  if (/Ip(Address|Range|NotAllowed)/.test(code))
    return needsFix("the flow takes nothing from this machine's address", "Allow it in the flow's access control");
  if (/Thrott|TooManyRequests|RateLimit|QuotaExceeded/.test(code))
    return { kind: "retry", because: "rate-limit", code, reason: "Teams' flow asks to send more slowly", ...wait };
  // Its gateway had nobody behind it. After NoResponse, which is a 502 too, the flow may have run.
  if (/^(BadGateway|ServiceUnavailable|ServerBusy|ServerTimeoutConnecting)$/.test(code))
    return { kind: "retry", because: "down", code, reason: "there was nobody to begin the flow", ...wait };
  return undefined;
}

function outcomeOfStatus(status: number, code: string, wait: Wait): Outcome | undefined {
  const needsFix = (reason: string, fix = NEW_ADDRESS): Outcome => ({
    kind: "needs-fix",
    code,
    reason: `${reason} (HTTP ${status})`,
    fix,
  });
  if (status >= 300 && status < 400) return needsFix("the address leads elsewhere, and is not followed");
  switch (status) {
    case 429:
      return { kind: "retry", because: "rate-limit", code: "429", reason: "Teams' flow asks to send more slowly", ...wait };
    case 408:
      return { kind: "retry", because: "record", code, reason: "the flow did not get the whole request (HTTP 408)", ...wait };
    case 409:
      return { kind: "retry", because: "record", code, reason: "the flow is being changed just now (HTTP 409)", ...wait };
    // Nobody was there to begin the flow (RFC 9110 §15.6.4). Of 500, 502 and 504 nobody knows what is behind them.
    case 503:
      return { kind: "retry", because: "down", code, reason: "there was nobody to begin the flow (HTTP 503)", ...wait };
    case 401:
    case 403:
      return needsFix("the flow refuses the address's signature", `${NEW_ADDRESS}; let Anyone trigger it`);
    case 404:
      return needsFix("there is no such flow");
    case 405:
      return needsFix("the address is none of a flow's trigger");
    case 410:
      return { kind: "needs-fix", code, reason: "the flow was deleted (HTTP 410)", fix: NEW_ADDRESS, stopsRoute: true };
    case 413:
      return { kind: "rejected", code, reason: "the card is too large (HTTP 413)" };
  }
  return undefined;
}

/** Total: what the network threw, or a fault after which the card may be there. */
export function outcomeOfError(error: unknown): Outcome {
  return outcomeOfNetworkError(error) ?? { kind: "ambiguous", code: "no_answer", reason: "the request failed in a way that is not known" };
}

/** A flow with a Response action answers 200 with anything; what something in between answers does not look like it. */
function isFlows(headers: Headers): boolean {
  return [...headers.keys()].some((name) => name.startsWith("x-ms-"));
}

function codeIn(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown } };
    return typeof error?.code === "string" && /^[A-Za-z]\w{0,63}$/.test(error.code) ? error.code : undefined;
  } catch {
    return undefined;
  }
}
