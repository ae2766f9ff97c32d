/** The log that a ledger belongs to: positions of another log mean nothing in it. */
import type { LogPosition } from "./types.ts";

export interface LogBindingLedger {
  /**
   * Ties this ledger to one log: the first identity wins, and is returned.
   * `earlier`: names that the same log had; a ledger bound to one of them is bound to the new one.
   */
  bindLog(options: { identity: string; earlier?: string[] }): Promise<string>;
  /** The log that it is tied to; undefined before the first one. */
  boundLog(): Promise<string | undefined>;
  /**
   * Ties the ledger to that log, or to that log as it is now. Routes begin at `from`, whatever they had reached; rows stay, so that what was
   * delivered is known. The action is recorded.
   */
  adoptLog(options: { identity: string; from: LogPosition[]; by: string }): Promise<void>;
  /** The log has at least these ends: offsets below them were read. Never moves one back. */
  noteSeen(ends: LogPosition[]): Promise<void>;
  /** What {@link noteSeen} and the mirrored positions say: by partition the end that the log had at least. */
  seen(): Promise<LogPosition[]>;
}
