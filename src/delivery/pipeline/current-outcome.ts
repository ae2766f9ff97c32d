import type { Outcome } from "../../connector/index.ts";

/** The name that contract 1 first had for `needs-fix`; connectors from outside may still return it. */
interface EarlierOutcome {
  kind: "unauthorized";
}

/** An outcome as a connector returned it, by the name that the core uses. */
export function currentOutcome<Given extends Outcome>(outcome: Given): Given {
  return (outcome as Outcome | EarlierOutcome).kind === "unauthorized" ? { ...outcome, kind: "needs-fix" } : outcome;
}
