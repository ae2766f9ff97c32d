import {
  classifyHttp,
  type Failure,
  type GuardedAnswer,
  gone,
  needsFix,
  type Outcome,
  outcomeOfNetworkError,
  RefusedAddressError,
  rateLimited,
  rejected,
  serverFailed,
} from "../../src/connector/index.ts";

const credential = needsFix(
  "the receiver does not take the signature or the credential",
  "Give the receiver the same secret as the destination has, check `headers`, and see that its clock is right",
);
const refusal = rejected("the receiver refuses the message");
const failed = serverFailed("the receiver failed");

const RECEIVER = {
  title: "the receiver",
  fix: "Check the receiver's address in `url`, and what is in front of it",
  duplicates: "native-key",
  table: {
    401: credential,
    403: credential,
    404: refusal,
    405: refusal,
    408: failed,
    410: gone(
      "the receiver's address is gone for good",
      "The receiver wants no more messages: give the destination another `url` or take the route away, then resume it",
    ),
    // A receiver of unknown make says so of one message too: Heroku's router answers 503 to a request that took too long. With a wait it is a throttle.
    503: (retryAfterMs: number | undefined) => (retryAfterMs === undefined ? failed : rateLimited("the receiver takes nothing now")),
    "3xx": needsFix(
      "the receiver redirects",
      "Put the address that it redirects to into `url`: a signed message is not carried on to where an answer points",
    ),
    "4xx": refusal,
  },
} as const;

/** What an answer means, by its status alone: its body is not read. Only 2xx is success (Standard Webhooks, "Delivery"). Undefined: success. */
export function failureOf({ status, headers }: Pick<GuardedAnswer, "status" | "headers">): Failure | undefined {
  const code = status === 410 ? "gone" : status >= 300 && status < 400 ? "redirect" : undefined;
  return classifyHttp({ status, headers, code }, RECEIVER);
}

/** Total: what is not known to have failed before the request may have arrived. */
export function outcomeOfError(error: unknown): Outcome {
  if (error instanceof RefusedAddressError) return refusedAddress(error);
  return outcomeOfNetworkError(error) ?? { kind: "ambiguous", code: "unreadable_answer", reason: "the receiver's answer cannot be read" };
}

const ADDRESS_FIXES: Record<RefusedAddressError["why"], string> = {
  private: "If the receiver is in your own network, set allow_private: true on the destination; else check `url`",
  never: "Give `url` the receiver's own address: link-local, metadata, multicast and reserved addresses are never asked",
  insecure: "Use https, or set allow_http: true on the destination",
};

export function refusedAddress(error: RefusedAddressError): Failure {
  return { kind: "needs-fix", code: "refused_address", reason: error.message, fix: ADDRESS_FIXES[error.why] };
}
