import type { Outcome } from "../../connector/index.ts";

/** How far a delivery came under its claim. */
export type DeliveryResult =
  | { kind: "not-sent" }
  | { kind: "unwanted"; reason: string }
  | { kind: "fault"; error: unknown }
  | { kind: "waits-for-route"; route: string; dueInMs: number }
  | { kind: "waits-for-target"; dueInMs: number }
  | Attempted;

/** What the last attempt under a claim came to. */
export interface Attempted {
  kind: "attempted";
  outcome: Outcome;
  /** The wait that a rate limit costs this call alone; `undefined` where the whole destination waits and the call stays where it was. */
  limitedForMs: number | undefined;
  sentFields: string[];
  /** The route whose receipt the delivery went without. */
  awaits: string | undefined;
  /** Attempts under this claim so far. */
  try: number;
  durationMs: number;
}

export const NOT_SENT = { kind: "not-sent" } as const;
