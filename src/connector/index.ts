/**
 * Everything a connector may use of ours: a folder under `connectors/` imports this file, its own SDK, and nothing else.
 * A connector is a value (see {@link Connector}); `test/contracts/connector.contract.ts` is the suite that each one passes against its sandbox.
 */
import { z } from "zod";
import type { Person, Receipt } from "../ledger/ledger.ts";
import { Secret } from "../lib/secret.ts";
import type { SharedCall } from "../model/call.ts";

/** For connectors from outside, which may have no zod of their own. */
export { z } from "zod";
export type { Person, Receipt } from "../ledger/ledger.ts";
export { abortable } from "../lib/async/timeout.ts";
export { createExpiringCache } from "../lib/cache/expiring-cache.ts";
export { memoize } from "../lib/cache/memoize.ts";
export { createGuardedHttp, discard, type GuardedAnswer, type GuardedHttp, NotReachedError } from "../lib/net/guarded-http.ts";
export { checkLiteralHost, RefusedAddressError, type ResolveName } from "../lib/net/public-address.ts";
export { parseRetryAfterMs, waitOf } from "../lib/net/retry-after.ts";
export { Secret } from "../lib/secret.ts";
export { booleanSetting } from "../lib/text/boolean-setting.ts";
export { ExactNumber, parseJsonExactly } from "../lib/text/exact-number.ts";
export { escapeHtml, truncate } from "../lib/text/text.ts";
export { wellFormed } from "../lib/text/well-formed.ts";
export { DURATION, parseDurationMs } from "../lib/time/duration.ts";
export { formatDuration, formatTime } from "../lib/time/format-time.ts";
export { unixMsOf } from "../lib/time/iso-time.ts";
export type { SharedCall } from "../model/call.ts";
export { canonicalJson, sortedJson } from "../model/canonical.ts";
export { type Customer, callTitle, customerLabel, customerOf, customersOf, homeCodeOf, type PossibleCustomer } from "../model/customer.ts";
export { callingCodeOf, e164Of, isSameNumber, spelledForms, storedForms, typedGroups } from "../model/phone.ts";
export { type Candidate, choosePeople, crmWords, leftOut, type Match, sideOf, whenNobody } from "./kit/crm.ts";
export { type HttpAnswer, outcomeOfEdge, outcomeOfStatus, requestJson } from "./kit/http.ts";

/** Of this file, for connectors from outside (`contract`): raised when one that was written for the last would no longer work. */
export const CONTRACT_VERSION = 1;

/**
 * How one attempt ended. Connectors say what happened; what follows is decided in one place (`src/delivery/pipeline/decide-settlement.ts`).
 * - `delivered`; `final`: it is never edited, though others of the connector are (one line of many calls): nothing that came too late is added.
 * - `retry`, `because`: `record` (this call, later: a lock, 409, 423), `server` (5xx: the call's fault or the destination's, told apart by whether
 *   other calls meet it too), `rate-limit` (429 and kin), `down` (nothing reached it: refused, no DNS, 503 for all), `not-yet` (nothing failed: the
 *   call waits for something that may come to be at the destination, as long as its route says; it neither ages nor counts as an attempt).
 * - `rejected`: this call can never be delivered as it is (400-type, mapping).
 * - `needs-fix`: an operator has to fix something (a credential, a permission, an address, a column type); `fix` says what and how. Connectors of contract 1 may
 *   return its old name, `unauthorized`. With `stopsRoute` the destination is gone for good (410):
 *   the route is paused until a person resumes it, and nobody asks again meanwhile.
 * - `ambiguous`: it was sent and there is no answer: it may be there. `lookUp` is the core's own: what became of {@link OpenDestination.find}.
 * `reason` is read by people and stored: no numbers, names, summaries or secrets in it; vendor messages only if they cannot quote the call.
 */
export type Outcome =
  | { kind: "delivered"; receipt: Receipt; final?: true }
  | { kind: "skipped"; reason: string }
  | { kind: "retry"; because: "record" | "server" | "down"; code: string; reason: string; retryAfterMs?: number }
  | { kind: "retry"; because: "not-yet"; code: string; reason: string; retryAfterMs: number }
  | { kind: "retry"; because: "rate-limit"; scope?: LimitScope; code: string; reason: string; retryAfterMs?: number }
  | { kind: "rejected"; code: string; reason: string }
  | { kind: "needs-fix"; code: string; reason: string; fix: string; stopsRoute?: true }
  | { kind: "ambiguous"; code: string; reason: string; lookUp?: "failed" | "impossible" };

/** Any outcome but a delivery. */
export type Failure = Exclude<Outcome, { kind: "delivered" }>;

/**
 * Of {@link OpenDestination.find}: no later look-up can tell more. The call becomes a dead letter, which a person may send all the same.
 * `message`, read by people and stored: why, without anything of the call.
 */
export class CannotTellError extends Error {
  override readonly name = "CannotTellError";
}

/** Whom a rate limit stops: everything to the destination (default), its {@link Connector.target}, or this call alone. */
export type LimitScope = "destination" | "target" | "call";

/** One call on its way to a destination. */
export interface Delivery<With> {
  /** Unique and stable for (source, call_id, record suffix): use it as the destination's native key. */
  key: string;
  /** What the route withholds is absent. */
  call: SharedCall;
  /** The route's `with`, its templates rendered. */
  with: With;
  /** What an earlier version of this call left at the destination: update that. */
  previous: Receipt | undefined;
  /** How long ago the ingress accepted the call, ms: what a wait for something at the destination is counted from. */
  sinceAcceptedMs: number;
  /** An earlier attempt may have written it although no answer came: for destinations without a native key, which show what was written a while later. */
  unclear?: boolean;
  /** What the route named by `after` has made of the call; undefined where it names none, or that one has not delivered in time. */
  related: Related | undefined;
}

/** The same call at another destination, for this one to name and link. */
export interface Related {
  /** Of the other destination, for people: `HubSpot`. */
  title: string;
  /** The record there. */
  url: string | undefined;
  person: Person | undefined;
}

export interface OpenOptions<Settings> {
  settings: Settings;
  /** IANA name, for dates and times that people read. */
  timezone: string;
  /** An attempt must answer within this; the caller stops waiting then and counts it as ambiguous. */
  timeoutMs: number;
}

/** A destination, connected. */
export interface OpenDestination<With> {
  /** What is to know of this account, where accounts differ: a sentence that `patchbay test` shows. */
  about?: string;
  /**
   * Sends up to `batch.maxCalls` deliveries, no key twice. One outcome per delivery, in order.
   * May throw: network errors are told apart by {@link outcomeOfNetworkError}, anything else counts as a fault of the connector.
   */
  send(deliveries: Delivery<With>[], options: { signal: AbortSignal }): Promise<Outcome[]>;
  /**
   * Looks for what an ambiguous attempt may have left. Only destinations without a native key need it.
   * @throws {CannotTellError} when the destination has answered, and nobody will ever know from it; anything else when it could not be asked.
   */
  find?(delivery: Delivery<With>, options: { signal: AbortSignal }): Promise<Receipt | undefined>;
  /** Deletes what a delivery left, for `patchbay forget`. `false`: it was gone already. Absent where the API cannot. */
  erase?(left: { key: string; receipt: Receipt }, options: { signal: AbortSignal }): Promise<boolean>;
  /**
   * Once behind the last `erase` of a `patchbay forget`: removes what deleting leaves in the destination's bytes, where that can be done from here.
   * Resolves with what stays where and until when, one sentence for people; undefined: nothing that is known of.
   */
  afterErase?(options: { signal: AbortSignal }): Promise<string | undefined>;
  /** Reads back what a delivery left, as the destination shows it, for `patchbay test`; undefined: it is not there. Absent where the API cannot. */
  read?(left: { key: string; receipt: Receipt }, options: { signal: AbortSignal }): Promise<Record<string, unknown> | undefined>;
  /**
   * Logs a call on the person whom somebody chose (`to`: the destination's id of it), instead of whom it is on now. The receipt then has that person,
   * and later versions of the call leave it so. Absent where nobody is matched. @throws {RematchError} when `to` is nobody.
   */
  rematch?(left: { key: string; receipt: Receipt; to: string }, options: { signal: AbortSignal }): Promise<Receipt>;
  close(): Promise<void>;
}

/** Where a destination keeps calls on this machine, for `patchbay backup`. */
export type OwnFiles =
  /** One file, of which `copy` makes a copy to a new file that is whole while others write. @throws {OpenError} when another program holds it. */
  | { kind: "file"; path: string; copy(options: { to: string; signal: AbortSignal }): Promise<void> }
  /** A folder of plain files that a backup leaves to others. */
  | { kind: "folder"; path: string };

export interface Connector<S extends z.ZodObject = z.ZodObject, W extends z.ZodObject = z.ZodObject> {
  /** As written in routes.yaml: `connector: hubspot`. Also the folder's name. */
  name: string;
  /** For people: `HubSpot`. */
  title: string;
  /** The {@link CONTRACT_VERSION} that it was written for: a package should say so. Absent: the one it meets. */
  contract?: number;
  /** `record`: one record per call, the first matching route wins. `message`: every matching route sends. */
  keeps: "record" | "message";
  /** What protects from a second record after an ambiguous attempt: a native key (retry is safe), a look-up (`find`), or nothing. */
  duplicates: "native-key" | "find" | "none";
  /** A destination's keys in routes.yaml beside `connector`. Secrets use {@link secret}. Strict: unknown keys are errors. */
  settings: S;
  /** A route's `with`. Any text in it may be a Liquid template; it is parsed again after rendering. Strict. */
  with: W;
  /**
   * By key of `with`, where mark-up is read in it: makes a value that a template puts there text, so that a call brings no link, mention or format
   * of its own. What the template's author writes around the values is not asked of. Absent: values are put in as they are.
   */
  escape?: { readonly [Key in keyof z.output<W>]?: (value: string) => string };
  /** Every field that can be sent, and what of the call it is: the table of docs/connectors/<name>.md is made from it. */
  sends?: readonly SentField[];
  /** What its API limits by itself, such as a channel: `rate` and `scope: "target"` count for each. Absent: the destination as a whole. */
  target?(rendered: z.output<W>): string;
  /** Calls per `send`, and how many `send`s may be under way at once. */
  batch: { maxCalls: number; concurrency: number };
  /** A message that was sent can be changed: what `after` brings too late is added to it then. */
  edits?: true;
  /** Makes what must exist once in the destination, for `patchbay setup`. Again: finds it there. Absent where nothing must. @throws as `open` */
  setup?(options: OpenOptions<z.output<S>>): Promise<SetupStep[]>;
  /** A caution that `check` shows as a warning, such as: never run against the real service yet. `written`: a destination's settings, variables read where they are known. */
  note?(written: Record<string, unknown>): string | undefined;
  /** Undefined: it keeps nothing on this machine. */
  files?(settings: z.output<S>): OwnFiles | undefined;
  /** Packages that a destination with these settings needs and that may be missing, such as an SDK: `check` says how to have those that cannot be imported. */
  needs?(written: Record<string, unknown>): string[];
  /**
   * What of a route's `with` this destination does not take although the schema does, such as a column that its database has itself: errors of `check`.
   * `path` is below `with`; `written`: the destination's settings, variables read where they are known.
   */
  checkWith?(options: { with: Record<string, unknown>; written: Record<string, unknown> }): { path: string[]; message: string }[];
  /** Loads the SDK (dynamic import) and checks what must exist, each with its fix in words. Throws {@link OpenError}, or a network error. */
  open(options: OpenOptions<z.output<S>>): Promise<OpenDestination<z.output<W>>>;
  /**
   * Loads the strict stand-in of the API for demo and tests. `accounts`: the kinds of accounts that it can be, where the connector does not work alike
   * in all of them; the usual one first.
   */
  sandbox(): Promise<{ createSandbox(options?: SandboxOptions): Sandbox; accounts?: readonly string[] }>;
}

/** `hs_call_duration` and `duration_seconds, in milliseconds`. */
export interface SentField {
  field: string;
  what: string;
}

/** One thing that `setup` made, or found made. `what` in words: `the call property voice_call_id`. */
export interface SetupStep {
  what: string;
  done: "made" | "was there";
}

/** `rematch` cannot: there is no such person, or the record is gone. The message says which, and what to give. */
export class RematchError extends Error {
  override readonly name = "RematchError";
}

/** Gives a connector's literal its types. */
export function defineConnector<S extends z.ZodObject, W extends z.ZodObject>(connector: Connector<S, W>): Connector<S, W> {
  return connector;
}

/** Thrown by `open` when the destination cannot be used as it is configured. `outcome` is given to every delivery until it opens. */
export class OpenError extends Error {
  override readonly name = "OpenError";
  readonly outcome: Failure;

  constructor(outcome: Failure) {
    super(outcome.reason);
    this.outcome = outcome;
  }
}

const secretTexts = new WeakSet<object>();

/** A setting that cannot print itself. Reads a non-empty text. */
export function secret() {
  const text = z.string().min(1, "is empty");
  secretTexts.add(text);
  return text.transform((value) => new Secret(value));
}

/** Whether a schema is made from {@link secret}, whatever rules, defaults or groups stand around it. */
export function isSecret(schema: unknown, seen = new Set<unknown>()): boolean {
  if (typeof schema !== "object" || schema === null || seen.has(schema)) return false;
  if (secretTexts.has(schema)) return true;
  seen.add(schema);
  const inner = "def" in schema ? schema.def : schema;
  return typeof inner === "object" && inner !== null && Object.values(inner).some((one) => isSecret(one, seen));
}

/** The keys that every HTTP destination takes: spread into `settings`. */
export const httpSettings = {
  base_url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Another address of the API: a sandbox, a proxy, a regional host"),
  timeout: z
    .string()
    .regex(/^\d+(ms|s)$/, "is a time such as 15s or 500ms")
    .optional()
    .describe("How long an attempt may take, at most 15s (the default)"),
  rate: z
    .string()
    .regex(/^(none|[1-9]\d*\/(s|min|h))$/, "is a count in a time, such as 5/s or 100/min, or none")
    .optional()
    .describe(
      "At most so many requests, all routes and replicas together, such as 5/s or 100/min; none: only what the API itself says. At Slack and Teams for each channel, and 1/s if nothing is said",
    ),
};

/** For connectors whose `duplicates` is `none`: spread into `settings`. */
export const ambiguousSettings = {
  on_ambiguous: z
    .enum(["dead", "send_again"])
    .optional()
    .describe("After a request without an answer: dead (default) makes a dead letter of it, send_again risks a second message"),
};

/** Codes of Node's and undici's errors at which nothing can have reached the destination. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
]);
/** Of Node's TLS: the certificate is not taken, or there is no TLS. The handshake comes before the request. */
const NO_TLS =
  /^(CERT_|CRL_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT|UNABLE_TO_|ERROR_IN_CERT|INVALID_(CA|PURPOSE)$|HOSTNAME_MISMATCH$|ERR_TLS_|ERR_SSL_|EPROTO$)/;
const MAYBE_SENT = new Set([
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "UND_ERR_SOCKET",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "ABORT_ERR",
  "ECONNABORTED",
]);

/** Walks an error and its causes for a network code; undefined when the error is not one of the network. */
export function outcomeOfNetworkError(error: unknown): Failure | undefined {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 6; e = e.cause, depth += 1) {
    const code = "code" in e && typeof e.code === "string" ? e.code : "";
    const inner =
      "errors" in e && Array.isArray(e.errors) ? e.errors.map((one) => outcomeOfNetworkError(one)).find((one) => one) : undefined;
    if (inner) return inner;
    if (NEVER_SENT.has(code)) return { kind: "retry", because: "down", code, reason: `the destination cannot be reached (${code})` };
    if (NO_TLS.test(code)) {
      const reason = `the destination's certificate is not taken, or it speaks no TLS (${code}); an own authority goes into NODE_EXTRA_CA_CERTS`;
      return { kind: "retry", because: "down", code, reason };
    }
    if (MAYBE_SENT.has(code) || e.name === "TimeoutError" || e.name === "AbortError") {
      return { kind: "ambiguous", code: code || e.name, reason: "the request was sent and no answer came" };
    }
  }
  // What fetch says no code of: an answer of 407, of a protocol that it does not know, a redirect where none may be followed.
  if (error instanceof TypeError && error.message === "fetch failed") {
    return { kind: "ambiguous", code: "fetch_failed", reason: "the request failed, or its answer cannot be read" };
  }
  return undefined;
}

/** One record or message as a sandbox holds it. */
export interface SandboxRecord {
  /** The delivery's key, as the sandbox found it in the record itself. */
  key: string;
  id: string;
  /** One line for people, as the demo prints it. */
  line: string;
  /** The record as the destination keeps it. */
  body: Record<string, unknown>;
}

export interface SandboxOptions {
  /** The vendor's documented rate limits are enforced unless this is false. */
  limits?: boolean;
  /** How long every answer takes. Default 0. */
  latencyMs?: number;
  /** One of the stand-in's `accounts`. */
  account?: string;
}

/** A strict stand-in of the API's part that we use: it refuses what the vendor refuses, in the vendor's words. */
export interface Sandbox {
  /** Answers requests as the vendor would; absent where the destination is not HTTP. Served on loopback by `src/sandbox`. */
  fetch?: (request: Request) => Response | Promise<Response>;
  /** A destination's settings in routes.yaml (without `connector`) that lead here. */
  settings(at: { url: string; folder: string }): Record<string, string>;
  /** What has been written so far, oldest first. */
  records(): Promise<SandboxRecord[]>;
  /** A route's `with` that this sandbox takes, as the file would have it, without templates. */
  example: Record<string, unknown>;
  /** Settings with a credential that the vendor refuses, in place of the right one. Absent where there is none. */
  wrong?: Record<string, string>;
  /** Whether a request writes a record, rather than reads or logs in: faults are put there. Present where `fetch` is. */
  writes?(request: { method: string; path: string }): boolean;
  /** The vendor's own answer of that kind. Present where `fetch` is. */
  fault?(kind: VendorFault): Response;
  /** From now on the record with this key is refused, for good, in the vendor's way, and others of its batch are not. Where the API takes batches. */
  refuse?(key: string): void;
  close?(): Promise<void>;
}

/** `rate-limited` names a wait of one second where the vendor ever names one; `rate-limited-silent` names none. */
export type VendorFault = "rate-limited" | "rate-limited-silent" | "server-error" | "unauthorized";
