/** The routes files that were in use, so that a restart after a bad edit finds the last good one. */

/** A routes.yaml that was in use, without secrets: variables are unresolved in it, and what was written out is withheld. */
export interface RoutesFileRow {
  version: string;
  text: string;
  /** When a process last began to use it. */
  goodAt: number;
}

export interface RoutesFileLedger {
  keepRoutesFile(file: { version: string; text: string }): Promise<void>;
  /** That version, or the one last used. */
  routesFile(version?: string): Promise<RoutesFileRow | undefined>;
  /** All that are kept, the one last used first. */
  routesFiles(): Promise<RoutesFileRow[]>;
}
