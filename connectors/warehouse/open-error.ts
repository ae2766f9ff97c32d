import { OpenError, type Outcome } from "../../src/connector/index.ts";

/** What a store throws for an engine's error: the outcome that it means, or the error itself where it means none (the network's, ours). */
export function asOpenError(error: unknown, outcomeOf: (error: unknown) => Outcome | undefined): unknown {
  const outcome = outcomeOf(error);
  return error instanceof OpenError || !outcome || outcome.kind === "delivered" ? error : new OpenError(outcome);
}
