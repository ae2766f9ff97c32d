/**
 * What people and guards decide about routes, and what processes tell each other about destinations: the ledger's contract beside deliveries.
 * Every process reads {@link ControlLedger.controls} once a second.
 */

/**
 * Why a route stands, kept over restarts. `flood`: most of its calls were rejected, so it stopped by itself. `gone`: its destination said
 * that it is not there any more (410).
 */
export interface Pause {
  kind: "person" | "flood" | "gone";
  reason: string;
  by: string;
  /** Unix ms, database clock. */
  at: number;
}

/** Calls accepted before this are skipped, with the reason: how a person leaves out what gathered during a pause. */
export interface SkipBefore {
  /** Unix ms, compared with when the ingress accepted a call. */
  before: number;
  reason: string;
}

export interface RouteControl {
  route: string;
  pause: Pause | undefined;
  skipBefore: SkipBefore | undefined;
}

/** Nobody sends to this limiter key (`hubspot`, `slack/C012`) until it is over: an API said so. */
export interface Hold {
  key: string;
  /** From now. */
  forMs: number;
}

export interface Controls {
  routes: RouteControl[];
  holds: Hold[];
  /** {@link forgottenHash}es of calls that must not come back. */
  forgotten: string[];
}

/** Something a person did, kept for ever: who, when, why. */
export interface Action {
  at: number;
  /** As the person names themselves (`PATCHBAY_USER`), or the process. */
  by: string;
  /** The system's user and machine: `deploy@vm-3`; "" of actions older than version 5 of the ledger. */
  system: string;
  route: string;
  action: string;
  detail: string;
}

/** `seal`: made of the action, its number and the seal before it. */
export interface SealedAction extends Action {
  /** From 1, without a gap. */
  seq: number;
  seal: string;
}

/** A routes.yaml that was in use, without secrets: variables are unresolved in it, and what was written out is withheld. */
export interface RoutesFileRow {
  version: string;
  text: string;
  /** When a process last began to use it. */
  goodAt: number;
}

/** Messages of the log that a route will never read, each counted until a person accepts it. */
export interface LostRange {
  route: string;
  partition: number;
  /** From this offset … */
  from: number;
  /** … up to, not including, this one. */
  to: number;
  /** When it was noted, Unix ms, database clock. */
  at: number;
  /** `retention`: the log's retention took them first. `unreadable`: they lie there and cannot be read. */
  kind: "retention" | "unreadable";
  /** Why they cannot be read; empty for `retention`. Nothing of what they say. */
  reason: string;
  acceptedAt: number | undefined;
}

export interface ControlLedger {
  controls(): Promise<Controls>;
  /** `false`: it is paused already, and stays so for the reason it has. */
  pause(options: { route: string; kind: Pause["kind"]; reason: string; by: string }): Promise<boolean>;
  /** `false`: it was not paused (a skip is kept all the same). `skipBefore.before` of `undefined` means the database's now. */
  resume(options: { route: string; by: string; skipBefore?: { before?: number; reason: string } }): Promise<boolean>;
  actions(options: { route?: string; limit: number }): Promise<Action[]>;
  /** Who runs this process is added. */
  note(action: Omit<Action, "at" | "system">): Promise<void>;
  /** One page in the order in which they were noted, behind the number `after`. */
  sealedActions(options: { after: number; limit: number }): Promise<SealedAction[]>;
  /** The newest, as it is remembered beside the table (0 and "": there is none), and how many rows have no seal: something else put them there. */
  actionsHead(): Promise<{ seq: number; seal: string; unsealed: number }>;

  /** Takes the next `count` places of a limiter key, `intervalMs` apart; the milliseconds until the first of them. */
  reserve(options: { key: string; count: number; intervalMs: number }): Promise<number>;
  /** Nobody sends to the key for so long; a longer hold stays. */
  holdBack(options: { key: string; forMs: number }): Promise<void>;

  keepRoutesFile(file: { version: string; text: string }): Promise<void>;
  /** That version, or the one last used. */
  routesFile(version?: string): Promise<RoutesFileRow | undefined>;
  /** All that are kept, the one last used first. */
  routesFiles(): Promise<RoutesFileRow[]>;

  noteLost(range: Omit<LostRange, "at" | "acceptedAt">): Promise<void>;
  lost(): Promise<LostRange[]>;
  /** A person knows of what the route lost so far, and {@link actions} says who and why; the ranges that were still open. */
  acceptLost(options: { route: string; by: string; reason: string }): Promise<LostRange[]>;
}
