import {
  ambiguous,
  classifyHttp,
  down,
  gone,
  type Meaning,
  needsFix,
  type Outcome,
  outcomeOfNetworkError,
  parseRetryAfterMs,
  rateLimited,
  rejected,
  toOutcome,
  tryLater,
} from "../../src/connector/index.ts";
import type { FlowAnswer } from "./client.ts";

const NEW_ADDRESS = "Open the flow in the Workflows app, turn it on, and put the address that its trigger shows into `url`";

const signature = needsFix("the flow refuses the address's signature", `${NEW_ADDRESS}; let Anyone trigger it`);
const throttled = rateLimited("Teams' flow asks to send more slowly");
const nobodyThere = down("there was nobody to begin the flow");

const FLOW = {
  title: "the flow",
  fix: NEW_ADDRESS,
  duplicates: "none",
  table: {
    401: signature,
    403: signature,
    404: needsFix("there is no such flow"),
    405: needsFix("the address is not a flow's trigger"),
    408: tryLater("the flow did not get the whole request"),
    409: tryLater("the flow is being changed just now"),
    410: gone("the flow was deleted"),
    413: rejected("the card is too large"),
    429: throttled,
    // What is behind 500, 502 and 504 is not known.
    503: nobodyThere,
    "3xx": needsFix("the address leads elsewhere, and is not followed"),
    "4xx": rejected("the flow refuses the card"),
    "5xx": ambiguous("the answer does not say whether the card was posted"),
  },
} as const;

/** Codes of Logic Apps and Power Automate that say more than their status, whatever that is. */
const CODES: readonly [RegExp, Meaning][] = [
  // Turned off, deleted, or suspended: by a data policy (DLP), by its plan, or because nobody has used it for 90 days.
  [
    /^(WorkflowTriggerIsNotEnabled|(Workflow|Flow)\w*(Disabled|Suspended))$/,
    needsFix(
      "the flow is turned off, suspended or deleted",
      `${NEW_ADDRESS}; where a data policy suspends it, an administrator lifts that`,
    ),
  ],
  [
    /^TriggerInputSchemaMismatch$/,
    needsFix(
      "the flow's trigger has a schema that no card fits",
      "Leave the trigger's Request Body JSON Schema empty, as the template has it",
    ),
  ],
  [/ApiVersion/, needsFix("the flow's address is not whole", NEW_ADDRESS)],
  [/Ip(Address|Range|NotAllowed)/, needsFix("the flow takes nothing from this machine's address", "Allow it in the flow's access control")],
  [/Thrott|TooManyRequests|RateLimit|QuotaExceeded/, throttled],
  // Its gateway had nobody behind it. After NoResponse, which is a 502 too, the flow may have run.
  [/^(BadGateway|ServiceUnavailable|ServerBusy|ServerTimeoutConnecting)$/, nobodyThere],
];

/**
 * What a flow's answer means (learn.microsoft.com, Logic Apps' Request trigger). Only its code is passed on: its messages may quote us.
 * 202 says that the flow has begun, not that the card is in the channel.
 */
export function outcomeOfAnswer({ status, headers, body }: FlowAnswer, options: { key: string }): Outcome {
  const code = codeIn(body);
  const hasBegun = status === 202 || (status === 200 && isFlow(headers));
  if (hasBegun && code === undefined && !/delivery failed/i.test(body)) {
    // The flow's run history knows it by this id.
    return { kind: "delivered", receipt: { id: headers.get("x-ms-workflow-run-id") ?? options.key } };
  }
  const known = code === undefined ? undefined : CODES.find(([pattern]) => pattern.test(code))?.[1];
  if (known && code) return toOutcome(known, { code, retryAfterMs: parseRetryAfterMs(headers.get("retry-after"), Date.now()) });
  return classifyHttp({ status, headers, code }, FLOW) ?? toOutcome(FLOW.table["5xx"], { code: code ?? `http_${status}` });
}

/** Total: what the network threw, or a fault after which the card may be there. */
export function outcomeOfError(error: unknown): Outcome {
  return outcomeOfNetworkError(error) ?? { kind: "ambiguous", code: "no_answer", reason: "the request failed in a way that is not known" };
}

/** A flow with a Response action answers 200 with anything; what a proxy answers does not look like it. */
function isFlow(headers: Headers): boolean {
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
