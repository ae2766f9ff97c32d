import {
  type GuardedAnswer,
  NotReachedError,
  type Outcome,
  outcomeOfEdge,
  outcomeOfNetworkError,
  parseRetryAfterMs,
  type Receipt,
  RefusedAddressError,
  waitOf,
} from "../../src/connector/index.ts";

/** Conflict, locked, something it depends on, too early: of this message, for now. */
const LATER = new Set([409, 423, 424, 425]);

const FIX = "Check the receiver's address in `url`, and what stands in front of it";

/** What an answer means, by its status alone: nobody reads its body. Only 2xx is success (Standard Webhooks, "Delivery"). */
export function outcomeOfAnswer({ status, headers }: Pick<GuardedAnswer, "status" | "headers">, options: { receipt: Receipt }): Outcome {
  if (status >= 200 && status < 300) return { kind: "delivered", receipt: options.receipt };
  const code = `http_${status}`;
  const reason = `the receiver answered ${status}`;
  const asked = parseRetryAfterMs(headers["retry-after"], Date.now());
  const wait = waitOf(asked);

  if (status >= 300 && status < 400) {
    const fix = "Put the address that it redirects to into `url`: a signed message is not carried on to where an answer points";
    return { kind: "needs-fix", code: "redirect", reason: `${reason}: it redirects`, fix };
  }
  if (status === 410) {
    const fix = "The receiver wants no more messages: give the destination another `url` or take the route away, then resume it";
    return { kind: "needs-fix", code: "gone", reason: `${reason}: the address is gone for good`, fix, stopsRoute: true };
  }
  if (status === 401 || status === 403) {
    const fix = "Give the receiver the same secret as the destination has, check `headers`, and see that its clock is right";
    return { kind: "needs-fix", code, reason: `${reason}: it does not take the signature or the credential`, fix };
  }
  // A 503 that says how long is a throttle; one that does not may be about this message alone.
  if (status === 503 && asked !== undefined) return { kind: "retry", because: "rate-limit", code, reason, ...wait };
  const edge = status === 503 ? undefined : outcomeOfEdge(status, { title: "the receiver", fix: FIX, retryAfter: headers["retry-after"] });
  if (edge) return { ...edge, reason: status === 429 ? reason : edge.reason };
  if (LATER.has(status)) return { kind: "retry", because: "record", code, reason, ...wait };
  if (status === 408 || status >= 500) return { kind: "retry", because: "server", code, reason, ...wait };
  return { kind: "rejected", code, reason };
}

/** Total: what is not known to have failed before the request may have arrived. */
export function outcomeOfFailure(error: unknown): Outcome {
  if (error instanceof RefusedAddressError) return refused(error);
  if (error instanceof NotReachedError) {
    const { code } = error;
    const reason = /CERT|TLS|SSL|SIGN/.test(code)
      ? `the receiver's certificate is not taken (${code})`
      : `the receiver cannot be reached (${code})`;
    return { kind: "retry", because: "down", code, reason };
  }
  return outcomeOfNetworkError(error) ?? { kind: "ambiguous", code: "unreadable_answer", reason: "the receiver's answer cannot be read" };
}

const FIXES: Record<RefusedAddressError["why"], string> = {
  private: "If the receiver is in your own network, set allow_private: true on the destination; else check `url`",
  never: "Give `url` the receiver's own address: link-local, metadata, multicast and reserved addresses are never asked",
  insecure: "Use https, or set allow_http: true on the destination",
};

export function refused(error: RefusedAddressError): Outcome & { kind: "needs-fix" } {
  return { kind: "needs-fix", code: "refused_address", reason: error.message, fix: FIXES[error.why] };
}
