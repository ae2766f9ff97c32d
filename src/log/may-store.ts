import { LogUnavailableError, UnreachableError } from "../errors.ts";
import type { Log } from "./log.ts";

/**
 * To be asked before calls are accepted. What passes by itself is no reason not to start: they are answered 503 until then.
 * @throws {UnreachableError} where the log's service will never let us store one: a right is missing.
 */
export async function refuseDenied(log: Pick<Log, "check">): Promise<void> {
  try {
    await log.check();
  } catch (error) {
    if (error instanceof UnreachableError && !(error instanceof LogUnavailableError)) throw error;
  }
}
