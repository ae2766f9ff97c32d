/** Messages that a route will never read. */

/** Offsets of one partition, each counted until a person accepts the loss. */
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

export interface LossLedger {
  noteLost(range: Omit<LostRange, "at" | "acceptedAt">): Promise<void>;
  lost(): Promise<LostRange[]>;
  /** Marks what the route has lost so far as known, and records the action; the ranges that were still open. */
  acceptLost(options: { route: string; by: string; reason: string }): Promise<LostRange[]>;
}
