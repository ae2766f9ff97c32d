import type { Logger } from "../lib/process/logger.ts";

const SAID_EVERY_MS = 1_000;

export interface Refused {
  source: string;
  status: number;
  code: string;
  requestId: string;
  /** Names of fields, never their values. */
  fields?: string[] | undefined;
  /** The stack of a fault of ours. */
  fault?: string | undefined;
}

export interface Refusals {
  said(refused: Refused): void;
  /** Says what has gathered. */
  flush(): void;
}

/**
 * Refusals as log lines: each code of a source at most once a second, with how many there were since. A line each would let anybody who
 * knows the address write our log. The first one is said at once.
 */
export function createRefusals(options: { logger: Logger }): Refusals {
  const { logger } = options;
  /** `last`: of those that were not said yet. */
  const gathering = new Map<string, { count: number; last: Refused | undefined; timer: NodeJS.Timeout }>();

  function say(refused: Refused, count: number): void {
    const { fault, ...rest } = refused;
    if (fault === undefined) logger.warn({ ...rest, count }, "delivery refused");
    else logger.error({ ...rest, count, fault }, "fault in the ingress");
  }

  function end(key: string): void {
    const gathered = gathering.get(key);
    gathering.delete(key);
    clearTimeout(gathered?.timer);
    if (gathered?.last === undefined) return;
    say(gathered.last, gathered.count);
    begin(key);
  }

  function begin(key: string): void {
    gathering.set(key, { count: 0, last: undefined, timer: setTimeout(() => end(key), SAID_EVERY_MS).unref() });
  }

  return {
    said(refused) {
      const key = `${refused.source} ${refused.code}`;
      const gathered = gathering.get(key);
      if (gathered) {
        gathered.count += 1;
        gathered.last = refused;
        return;
      }
      say(refused, 1);
      begin(key);
    },
    flush() {
      for (const { last, count, timer } of gathering.values()) {
        clearTimeout(timer);
        if (last) say(last, count);
      }
      gathering.clear();
    },
  };
}
