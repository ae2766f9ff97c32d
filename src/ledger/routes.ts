/** Where routes begin, how far they have read, and what is done to a route as a whole. */
import type { LogPosition } from "./types.ts";

export interface RouteLedger {
  /** The positions where a route begins; the first writer wins, and all callers get what it wrote. */
  routeStart(options: { route: string; resolve: () => Promise<LogPosition[]> }): Promise<LogPosition[]>;
  routeStarts(): Promise<Map<string, LogPosition[]>>;
  /** Copies of the log's committed positions, for a log whose group offsets expire. Never moves one back. */
  mirrorPositions(options: { route: string; positions: LogPosition[] }): Promise<void>;
  mirroredPositions(route: string): Promise<LogPosition[]>;
  /** Routes that have rows or a start, whether or not they are in the file. */
  knownRoutes(): Promise<string[]>;
  /** Moves rows, positions, start and pause to the new id, in one transaction. `false` when there was nothing under the old one. */
  renameRoute(options: { from: string; to: string }): Promise<boolean>;
  /** Removes everything of the route, its dead letters too, and records the action; as many rows as were removed. */
  retireRoute(options: { route: string; by: string }): Promise<number>;
}
