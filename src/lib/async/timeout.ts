export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/** The promise's answer if it comes in time. What it does later, good or bad, is nobody's concern. @throws {TimeoutError} */
export function withTimeout<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TimeoutError(`no answer within ${Math.round(ms)} ms`)), Math.max(0, ms));
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * The call's answer, or a throw of the signal's reason if that comes first: SDKs do not all obey a signal.
 * This ends the waiting; a request under way may still arrive.
 */
export function abortable<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    call()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}
