/** What a connector is, and what it gets and gives back. The types here are promised to connectors from outside, by {@link CONTRACT_VERSION}. */
import type { z } from "zod";
import type { SharedCall } from "../model/call.ts";
import type { Failure, Outcome } from "../model/outcome.ts";
import type { Person, Receipt } from "../model/receipt.ts";
import type { Sandbox, SandboxOptions } from "./sandbox.ts";

/** Raised when a connector that was written for the last version would no longer work. */
export const CONTRACT_VERSION = 1;

/** One call on its way to a destination. */
export interface Delivery<With> {
  /** Unique and stable for (source, call_id, record suffix): the destination's native key, where it takes one. */
  key: string;
  /** What the route withholds is absent. */
  call: SharedCall;
  /** The route's `with`, its templates rendered. */
  with: With;
  /** What an earlier version of this call left at the destination, which is to be updated. */
  previous: Receipt | undefined;
  /** How long ago the ingress accepted the call, ms: waits for something at the destination count from then. */
  sinceAcceptedMs: number;
  /** An earlier attempt may have written it although no answer came: for destinations without a native key that show a record only after a while. */
  unclear?: boolean;
  /** What the route named by `after` has made of the call; undefined where it names none, or that route has not delivered in time. */
  related: Related | undefined;
}

/** The same call at another destination, for this one to name and link. */
export interface Related {
  /** The other destination, for people: `HubSpot`. */
  title: string;
  /** The record there. */
  url: string | undefined;
  person: Person | undefined;
}

export interface OpenOptions<Settings> {
  settings: Settings;
  /** IANA name, for dates and times that people read. */
  timezone: string;
  /** An attempt must answer within this; after it the caller stops waiting and counts the attempt as ambiguous. */
  timeoutMs: number;
}

/** A destination, connected. */
export interface OpenDestination<With> {
  /** What is particular about this account, where accounts differ: a sentence that `patchbay test` shows. */
  about?: string;
  /**
   * Sends up to `batch.maxCalls` deliveries, no key twice. One outcome per delivery, in order.
   * May throw: `outcomeOfNetworkError` reads network errors, anything else counts as a fault of the connector.
   */
  send(deliveries: Delivery<With>[], options: { signal: AbortSignal }): Promise<Outcome[]>;
  /**
   * Looks for what an ambiguous attempt may have left. Only destinations without a native key need it.
   * @throws {CannotTellError} when the destination has answered and no look-up will ever know; anything else when it could not be asked.
   */
  find?(delivery: Delivery<With>, options: { signal: AbortSignal }): Promise<Receipt | undefined>;
  /** Deletes what a delivery left, for `patchbay forget`. `false`: it was gone already. Absent where the API cannot. */
  erase?(left: { key: string; receipt: Receipt }, options: { signal: AbortSignal }): Promise<boolean>;
  /**
   * Runs once after the last `erase` of a `patchbay forget`: removes what deleting leaves in the destination's bytes, where that can be done from here.
   * Resolves with what stays where and until when, one sentence for people; undefined: nothing that is known of.
   */
  afterErase?(options: { signal: AbortSignal }): Promise<string | undefined>;
  /** Reads back what a delivery left, as the destination shows it, for `patchbay test`; undefined: it is not there. Absent where the API cannot. */
  read?(left: { key: string; receipt: Receipt }, options: { signal: AbortSignal }): Promise<Record<string, unknown> | undefined>;
  /**
   * Logs a call on the person that somebody chose (`to`: the destination's id), instead of the one it is on now. The receipt then has that person, and
   * later versions of the call keep it. Absent where calls are not logged on persons. @throws {RematchError} when `to` is no person there.
   */
  rematch?(left: { key: string; receipt: Receipt; to: string }, options: { signal: AbortSignal }): Promise<Receipt>;
  close(): Promise<void>;
}

/** Where a destination keeps calls on this machine, for `patchbay backup`. */
export type OwnFiles =
  /** One file. `copy` copies it, whole, to a new file while others write. @throws {OpenError} when another program holds it. */
  | { kind: "file"; path: string; copy(options: { to: string; signal: AbortSignal }): Promise<void> }
  /** A folder of plain files that a backup leaves to other tools. */
  | { kind: "folder"; path: string };

export interface Connector<S extends z.ZodObject = z.ZodObject, W extends z.ZodObject = z.ZodObject> {
  /** As written in routes.yaml: `connector: hubspot`. Also the folder's name. */
  name: string;
  /** For people: `HubSpot`. */
  title: string;
  /** The {@link CONTRACT_VERSION} that it was written for; a package should state it. Absent: the version it runs with. */
  contract?: number;
  /** `record`: one record per call, the first matching route wins. `message`: every matching route sends. */
  keeps: "record" | "message";
  /** What prevents a second record after an ambiguous attempt: a native key (retry is safe), a look-up (`find`), or nothing. */
  duplicates: "native-key" | "find" | "none";
  /** A destination's keys in routes.yaml beside `connector`. Secrets use `secret()`. Strict: unknown keys are errors. */
  settings: S;
  /** A route's `with`. Any text in it may be a Liquid template; it is parsed again after rendering. Strict. */
  with: W;
  /**
   * By key of `with`, where mark-up is read in it: escapes a value that a template inserts there, so that a call brings no link, mention or format of
   * its own. What the template's author writes around the values is not escaped. Absent: values are inserted as they are.
   */
  escape?: { readonly [Key in keyof z.output<W>]?: (value: string) => string };
  /** Every field that can be sent, and what of the call it holds: the table of docs/connectors/<name>.md is made from it. */
  sends?: readonly SentField[];
  /** What its API limits by itself, such as a channel: `rate` and `scope: "target"` count for each. Absent: the destination as a whole. */
  target?(rendered: z.output<W>): string;
  /** Calls per `send`, and how many `send`s may be in progress at once. */
  batch: { maxCalls: number; concurrency: number };
  /** A message that was sent can be changed: what `after` brings too late is added to it then. */
  edits?: true;
  /** Makes what must exist once in the destination, for `patchbay setup`; a second run finds it there. Absent where nothing must. @throws as `open` */
  setup?(options: OpenOptions<z.output<S>>): Promise<SetupStep[]>;
  /** A caution that `check` shows as a warning, such as: never run against the real service yet. `written`: a destination's settings, variables read where they are known. */
  note?(written: Record<string, unknown>): string | undefined;
  /** Undefined: it keeps nothing on this machine. */
  files?(settings: z.output<S>): OwnFiles | undefined;
  /** Packages that a destination with these settings needs and that may be missing, such as an SDK: `check` says how to install those that cannot be imported. */
  needs?(written: Record<string, unknown>): string[];
  /**
   * What of a route's `with` this destination does not take although the schema does, such as a column that its database has itself: errors of `check`.
   * `path` is below `with`; `written`: the destination's settings, variables read where they are known.
   */
  checkWith?(options: { with: Record<string, unknown>; written: Record<string, unknown> }): { path: string[]; message: string }[];
  /** Loads the SDK (dynamic import) and checks what must exist, each with its fix in words. Throws {@link OpenError}, or a network error. */
  open(options: OpenOptions<z.output<S>>): Promise<OpenDestination<z.output<W>>>;
  /**
   * Loads the strict stand-in of the API for demo and tests. `accounts`: the kinds of accounts that it can be, where the connector behaves differently
   * in them; the usual one first.
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

/** Gives a connector's literal its types. */
export function defineConnector<S extends z.ZodObject, W extends z.ZodObject>(connector: Connector<S, W>): Connector<S, W> {
  return connector;
}

/** Thrown by `open` when the destination cannot be used as it is configured. Every delivery gets `outcome` until it opens. */
export class OpenError extends Error {
  override readonly name = "OpenError";
  readonly outcome: Failure;

  constructor(outcome: Failure) {
    super(outcome.reason);
    this.outcome = outcome;
  }
}

/**
 * Thrown by {@link OpenDestination.find}: no later look-up can tell more. The call becomes a dead letter, which a person may send all the same.
 * `message` is read by people and stored: why, without anything of the call.
 */
export class CannotTellError extends Error {
  override readonly name = "CannotTellError";
}

/** Thrown by `rematch`: there is no such person, or the record is gone. The message says which, and what to give instead. */
export class RematchError extends Error {
  override readonly name = "RematchError";
}
