import type { Connector, Outcome, VendorFault } from "../connector/index.ts";
import type { ProblemKind } from "./report.ts";

/** What servers, proxies and networks do, below an API's own errors. */
export type WireFault =
  | "never answers"
  | "answers late"
  | "answers slowly"
  | "half a body"
  | "half a head"
  | "closes"
  | "HTML"
  | "empty"
  | "other JSON"
  | "drips"
  | "quotes";

/** What happens to the request that writes, and what the attempt may end as. */
export interface Fault {
  name: string;
  does: { vendor: VendorFault } | { wire: WireFault };
  /** Whether the sandbox has carried the request out before. */
  carriedOut: boolean;
  /** Meets every write until the destination is opened again; else one. */
  lasts?: true;
  /** The attempt ends by its time limit. */
  timed?: true;
  /** Exists only where the usual answer is JSON: where nothing is read from an answer, nothing can be missing in it. */
  needsJson?: true;
  /** A refusal: the call may become a dead letter. */
  refuses?: true;
  /** The attempt has to end with it; what a further request counts as. */
  endsAttempt?: ProblemKind;
  /** What is wrong about the outcome, in words; undefined when it is right. */
  wrong(outcome: Outcome, about: FaultCase): string | undefined;
}

export interface FaultCase {
  duplicates: Connector["duplicates"];
  carriedOut: boolean;
  /** The record is there already, and its receipt names it: writing it twice makes no second one. */
  isUpdate: boolean;
  /** What the vendor's answer named in Retry-After, ms. */
  askedMs: number | undefined;
}

type Rule = Fault["wrong"];

const is = (outcome: Outcome) => (outcome.kind === "retry" ? `retry (${outcome.because}, ${outcome.code})` : outcome.kind);

const rateLimited: Rule = (outcome, { askedMs }) => {
  if (outcome.kind !== "retry" || outcome.because !== "rate-limit") return `is ${is(outcome)}, not a rate limit`;
  if (askedMs !== undefined && (outcome.retryAfterMs ?? 0) < askedMs) return "does not wait as long as Retry-After says";
  return undefined;
};

/** Nobody knows what is there: never delivered without an answer that was read, never given up. */
const unclear: Rule = (outcome, { duplicates, carriedOut, isUpdate }) => {
  const isTroubled = outcome.kind === "ambiguous" || (outcome.kind === "retry" && outcome.because !== "rate-limit");
  if (!isTroubled) return `is ${is(outcome)}, though nobody knows what became of it`;
  if (carriedOut && !isUpdate && duplicates !== "native-key" && outcome.kind !== "ambiguous") {
    return `is ${is(outcome)}: it may be there, and without a native key only ambiguous keeps it from being sent twice`;
  }
  return undefined;
};

const needsFix: Rule = (outcome) => {
  if (outcome.kind !== "needs-fix") return `is ${is(outcome)}, not needs-fix: a credential that is corrected must deliver the call`;
  return /\w{3}/.test(outcome.fix) ? undefined : "does not say how to fix it";
};

const delivered: Rule = (outcome) => (outcome.kind === "delivered" ? undefined : `is ${is(outcome)}, though the answer came in time`);

const notDelivered: Rule = (outcome) => {
  const isWrong =
    outcome.kind === "delivered" || outcome.kind === "skipped" || (outcome.kind === "retry" && outcome.because === "rate-limit");
  return isWrong ? `is ${is(outcome)}, though it was refused` : undefined;
};

export const FAULTS: readonly Fault[] = [
  { name: "429 with Retry-After", does: { vendor: "rate-limited" }, carriedOut: false, endsAttempt: "limits broken", wrong: rateLimited },
  {
    name: "429 without Retry-After",
    does: { vendor: "rate-limited-silent" },
    carriedOut: false,
    endsAttempt: "limits broken",
    wrong: rateLimited,
  },
  { name: "5xx", does: { vendor: "server-error" }, carriedOut: false, endsAttempt: "wrong class", wrong: unclear },
  { name: "5xx after it was carried out", does: { vendor: "server-error" }, carriedOut: true, endsAttempt: "wrong class", wrong: unclear },
  { name: "expired token", does: { vendor: "unauthorized" }, carriedOut: false, lasts: true, wrong: needsFix },
  { name: "time-out after it was carried out", does: { wire: "never answers" }, carriedOut: true, timed: true, wrong: unclear },
  { name: "slow answer, in time", does: { wire: "answers slowly" }, carriedOut: true, wrong: delivered },
  { name: "answer after the time-out", does: { wire: "answers late" }, carriedOut: true, timed: true, wrong: unclear },
  { name: "half a body", does: { wire: "half a body" }, carriedOut: true, needsJson: true, wrong: unclear },
  { name: "half a head", does: { wire: "half a head" }, carriedOut: true, wrong: unclear },
  { name: "closed without an answer, carried out", does: { wire: "closes" }, carriedOut: true, wrong: unclear },
  { name: "closed without an answer, not carried out", does: { wire: "closes" }, carriedOut: false, wrong: unclear },
  { name: "HTML with 200, carried out", does: { wire: "HTML" }, carriedOut: true, needsJson: true, wrong: unclear },
  { name: "HTML with 200, not carried out", does: { wire: "HTML" }, carriedOut: false, needsJson: true, wrong: unclear },
  { name: "empty body with 200", does: { wire: "empty" }, carriedOut: true, needsJson: true, wrong: unclear },
  { name: "JSON of another shape with 200", does: { wire: "other JSON" }, carriedOut: true, needsJson: true, wrong: unclear },
  { name: "a byte a second", does: { wire: "drips" }, carriedOut: true, timed: true, needsJson: true, wrong: unclear },
  { name: "400 that quotes the call", does: { wire: "quotes" }, carriedOut: false, refuses: true, wrong: notDelivered },
];
