import { CannotTellError, OpenError, type Outcome, outcomeOfNetworkError } from "../../connector/index.ts";
import type { Claim } from "../../ledger/ledger.ts";
import type { RecordPlace } from "../../ledger/record-order.ts";
import type { Clock } from "../../lib/time/clock.ts";
import type { Route } from "../../route.ts";
import type { BatchSender, Sent } from "./batch-sender.ts";
import { currentOutcome } from "./current-outcome.ts";
import { duplicatesAt } from "./duplicates.ts";
import { idempotencyKey } from "./idempotency-key.ts";
import type { PreparedDelivery } from "./prepare-delivery.ts";

/** Makes one try at one delivery; `undefined` when nothing was sent. An attempt that may have arrived is looked for first. Never throws. */
export async function attempt(options: {
  claim: Claim;
  /** Of the record in the log. */
  place: RecordPlace;
  prepared: Pick<PreparedDelivery, "call" | "mapped" | "related">;
  route: Route;
  sender: BatchSender;
  clock: Pick<Clock, "nowMs" | "monotonicMs">;
  alone: boolean;
  isAllowed: () => boolean;
}): Promise<Sent | undefined> {
  const { claim, place, prepared, route, sender, clock, alone, isAllowed } = options;
  const delivery = {
    key: idempotencyKey(route, prepared.call),
    call: prepared.mapped.call,
    with: prepared.mapped.with,
    previous: claim.receipt,
    sinceAcceptedMs: Math.max(0, clock.nowMs() - place.acceptedAt),
    unclear: claim.ambiguous,
    related: prepared.related,
  };
  const duplicates = duplicatesAt(route.to, claim.receipt);
  // A person who replays what may have been sent wants it sent.
  const isSafe = duplicates === "native-key" || (duplicates === "none" && claim.replay);
  if (!claim.ambiguous || isSafe) return sender.send({ delivery, alone, isAllowed });
  if (duplicates === "none") {
    // A record that is there is not sent a second time: such a connector leaves it as it is.
    if (claim.receipt) return sender.send({ delivery, alone, isAllowed });
    return { outcome: { kind: "ambiguous", code: "claim_expired", reason: "an earlier attempt may have sent it" }, durationMs: 0 };
  }
  const startedAtMs = clock.monotonicMs();
  try {
    const receipt = await sender.find(delivery);
    // What was found may be of an older version of the call: sending with its receipt edits it.
    return await sender.send({ delivery: receipt ? { ...delivery, previous: receipt } : delivery, alone, isAllowed });
  } catch (error) {
    // A person who replays what may have been sent wants it sent, also where no look-up can tell.
    if (error instanceof CannotTellError && claim.replay) return sender.send({ delivery, alone, isAllowed });
    return { outcome: outcomeOfLookUp(error), durationMs: clock.monotonicMs() - startedAtMs };
  }
}

function outcomeOfLookUp(error: unknown): Outcome {
  if (error instanceof OpenError) return currentOutcome(error.outcome);
  const maybe = "an earlier attempt may have sent it, and";
  if (error instanceof CannotTellError) {
    const reason = `${maybe} ${error.message}. Look there; a replay of this dead letter sends it`;
    return { kind: "ambiguous", code: "cannot_tell", reason, lookUp: "impossible" };
  }
  const outcome = { kind: "ambiguous", code: "look_up_failed", reason: `${maybe} the destination cannot be asked` } as const;
  // A rate limit or a missing scope of look-ups says nothing about sending.
  return outcomeOfNetworkError(error) ? outcome : { ...outcome, lookUp: "failed" };
}
