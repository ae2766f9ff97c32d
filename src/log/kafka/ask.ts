import { setTimeout as delay } from "node:timers/promises";
import { LogUnavailableError } from "../../errors.ts";
import { TimeoutError, withTimeout } from "../../lib/async/timeout.ts";
import type { Bound } from "../log.ts";
import type { Cluster } from "./driver/types.ts";
import { isTransient } from "./errors.ts";
import type { Explain } from "./explain.ts";
import type { Deed } from "./sentences.ts";

const ANSWER_WITHIN_MS = 10_000;
const ASK_AGAIN_MS = 100;

/** Asks Kafka, again after a failure that passes, for 10 s or the bound. @throws {LogUnavailableError} in words for people */
export type Ask = <T>(deed: Deed & Bound, question: () => Promise<T>) => Promise<T>;

export function createAsk({ cluster, explain }: { cluster: Cluster; explain: Explain }): Ask {
  return async ({ withinMs = ANSWER_WITHIN_MS, ...deed }, question) => {
    const deadlineMs = performance.now() + withinMs;
    let before: unknown;
    for (;;) {
      const leftMs = Math.max(0, deadlineMs - performance.now());
      try {
        return await withTimeout(leftMs, connected(cluster, question));
      } catch (error) {
        // The time ended while it was asked again: why it was asked again says more.
        const failure = error instanceof TimeoutError && before !== undefined ? before : error;
        if (!isTransient(error) || leftMs < ASK_AGAIN_MS) {
          const { message, hint } = explain(failure, deed);
          throw new LogUnavailableError(message, { hint, cause: failure });
        }
        before = failure;
        await delay(ASK_AGAIN_MS);
        await withTimeout(leftMs, cluster.refreshMetadata()).catch(() => undefined);
      }
    }
  };
}

async function connected<T>(cluster: Cluster, question: () => Promise<T>): Promise<T> {
  await cluster.connect();
  return question();
}
