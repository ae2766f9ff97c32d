/**
 * What people and guards decide about routes, and the limits that processes share. Every process reads {@link ControlLedger.controls} once a
 * second.
 */

/**
 * Why a route is paused, kept over restarts. `flood`: most of its calls were rejected, so it stopped by itself. `gone`: its destination
 * answered that it does not exist any more (410).
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

/** No process sends to this limiter key (`hubspot`, `slack/C012`) until the time is over: an API asked for it. */
export interface Hold {
  key: string;
  /** From now. */
  forMs: number;
}

export interface Controls {
  routes: RouteControl[];
  holds: Hold[];
}

export interface ControlLedger {
  controls(): Promise<Controls>;
  /** `false`: it is paused already, and keeps the reason that it has. */
  pause(options: { route: string; kind: Pause["kind"]; reason: string; by: string }): Promise<boolean>;
  /** `false`: it was not paused (a skip is kept all the same). `skipBefore.before` of `undefined` means the database's now. */
  resume(options: { route: string; by: string; skipBefore?: { before?: number; reason: string } }): Promise<boolean>;

  /** Takes the next `count` places of a limiter key, `intervalMs` apart; the milliseconds until the first of them. */
  reserve(options: { key: string; count: number; intervalMs: number }): Promise<number>;
  /** No process sends to the key for so long; a longer hold stays. */
  holdBack(options: { key: string; forMs: number }): Promise<void>;
}
