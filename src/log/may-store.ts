import { LogUnavailableError, UnreachableError } from "../errors.ts";
import type { Log } from "./log.ts";

/**
 * Call it before calls are accepted. A failure that passes by itself is no reason not to start: calls are answered 503 until then.
 * @throws {UnreachableError} where the log's service will never store one: a right is missing.
 */
export async function refuseDenied(log: Pick<Log, "check">): Promise<void> {
  try {
    await log.check();
  } catch (error) {
    if (error instanceof UnreachableError && !(error instanceof LogUnavailableError)) throw error;
  }
}
