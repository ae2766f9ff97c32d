import { parseRetryAfterMs } from "../../lib/net/retry-after.ts";
import type { Failure } from "../../model/outcome.ts";
import type { Connector } from "../contract.ts";
import { ambiguous, down, gone, type Meaning, needsFix, rateLimited, rejected, serverFailed, toOutcome, tryLater } from "./meaning.ts";

/** By status or by class of statuses. A status wins over its class. A function gets the wait that the answer names. */
export type HttpTable = { readonly [status in number | "3xx" | "4xx" | "5xx"]?: Meaning | ((retryAfterMs: number | undefined) => Meaning) };

export interface HttpApi {
  /** The subject of the reasons: `Discord`, `the receiver`. */
  title: string;
  /** What to do when the credential or the address is refused, and wherever the table names no other fix. */
  fix: string;
  /** Whether the same call may be sent again after an answer that leaves open whether it was taken. */
  duplicates: Connector["duplicates"];
  /** Where this API differs from {@link classifyHttp}'s shared meanings. Reasons are whole sentences without the status. */
  table?: HttpTable;
}

/**
 * What an answer's status says; undefined for 2xx. Bodies are not quoted. A connector's table comes before the shared meanings
 * (docs/decisions/0019): a 503 says that nothing was taken; any other 5xx leaves open whether the call was, so without a native key it is ambiguous.
 */
export function classifyHttp(
  answer: {
    status: number;
    headers?: Headers | { readonly [name: string]: string | readonly string[] | undefined };
    /** In place of `http_413`: the vendor's own. */
    code?: string | undefined;
    /** In place of the header Retry-After. */
    retryAfterMs?: number | undefined;
  },
  api: HttpApi,
): Failure | undefined {
  const { status, headers, code = `http_${status}` } = answer;
  if (status >= 200 && status < 300) return undefined;
  const retryAfterMs = answer.retryAfterMs ?? parseRetryAfterMs(retryAfterIn(headers), Date.now());
  const group = status < 400 ? "3xx" : status < 500 ? "4xx" : "5xx";
  const { table = {} } = api;
  const shared = sharedMeanings(api);
  const found = table[status] ?? shared[status] ?? table[group] ?? shared[group];
  const meaning = typeof found === "function" ? found(retryAfterMs) : (found as Meaning);
  return toOutcome(meaning, { code, fix: api.fix, retryAfterMs, shown: `HTTP ${status}` });
}

function retryAfterIn(headers: Parameters<typeof classifyHttp>[0]["headers"]): string | undefined {
  const value = headers instanceof Headers ? headers.get("retry-after") : headers?.["retry-after"];
  return typeof value === "string" ? value : undefined;
}

/** Of the way to an API, of its region or of the account: no call is at fault, and none was carried out. */
export function edgeMeanings(title: string): HttpTable {
  const slower = rateLimited(`${title} asks to send more slowly`);
  const otherProtocol = needsFix(`${title} does not speak what it is asked`);
  return {
    402: needsFix(`${title} wants a payment first`, "See what is open there: the plan, a payment, a trial that has ended"),
    407: needsFix(`${title} is behind a proxy that wants a login`, "Give the proxy a login, or take it out of the way"),
    420: slower,
    421: down(`${title} was reached at a server that is not its`),
    426: otherProtocol,
    429: slower,
    451: needsFix(`${title} may not answer, for legal reasons`, "Ask there why: a region or an account is barred"),
    // HubSpot's, while an account moves to another data centre.
    477: down(`${title} moves the account just now`),
    495: needsFix(`${title} does not take the certificate of this side`),
    496: needsFix(`${title} wants a certificate of this side`),
    497: needsFix(`${title} wants https`),
    501: otherProtocol,
    503: down(`${title} takes nothing now`),
    505: otherProtocol,
    507: down(`${title} has no room left`),
    508: down(`${title} loops behind its front`),
    509: rateLimited(`${title} has used up its bandwidth`),
    510: otherProtocol,
    511: needsFix(
      `${title} is behind a network that wants a login`,
      "Let this machine out of its network: something in between answers in its place",
    ),
    // Cloudflare's (developers.cloudflare.com, "5xx errors"): no connection, no address, no TLS, no name. After 520, 522 and 524 it may have got the request.
    521: down(`${title} is down behind its front`),
    523: down(`${title} cannot be reached from its front`),
    525: down(`${title} has no TLS for its front`),
    526: down(`${title} has no certificate that its front takes`),
    529: down(`${title} is overloaded`),
    530: down(`${title} cannot be found from its front`),
  };
}

function sharedMeanings({ title, duplicates }: HttpApi): HttpTable {
  const refused = needsFix(`${title} refuses the credential`);
  const notThere = needsFix(`there is no ${title} at this address`);
  const later = tryLater(`${title} could not take it now`);
  return {
    ...edgeMeanings(title),
    401: refused,
    403: refused,
    404: notThere,
    405: notThere,
    410: gone(`${title} has closed this address for good`),
    // Of this call, for now: the request did not come whole, a conflict, a lock, something it depends on, too early.
    408: later,
    409: later,
    423: later,
    424: later,
    425: later,
    "3xx": notThere,
    "4xx": rejected(`${title} refuses the call as it is`),
    "5xx": duplicates === "native-key" ? serverFailed(`${title} failed`) : ambiguous(`${title} failed while it had the call`),
  };
}
