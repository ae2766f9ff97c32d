import type { Log } from "../log/log.ts";

const CHECK_EVERY_MS = 1_000;

/** `undefined` when the log can store now, else why not; asked at most once a second. */
export function createReadyCheck(log: Log): () => Promise<string | undefined> {
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let checking: Promise<string | undefined> = Promise.resolve(undefined);
  return () => {
    if (performance.now() - checkedAtMs > CHECK_EVERY_MS) {
      checkedAtMs = performance.now();
      checking = log.check().then(
        () => undefined,
        (error: Error) => error.message,
      );
    }
    return checking;
  };
}
