import type { Related } from "../../connector/index.ts";
import type { Claim } from "../../ledger/ledger.ts";
import type { RecordPlace } from "../../ledger/record-order.ts";
import type { Call } from "../../model/call.ts";
import type { After, Route } from "../../route.ts";
import type { RouteRuntime } from "../route/route-runtime.ts";
import type { DeliveryPorts } from "./delivery-ports.ts";
import type { DeliveryResult } from "./delivery-result.ts";
import { duplicatesAt } from "./duplicates.ts";
import type { MatchResult } from "./match-route.ts";
import { retryUntilAnswered } from "./retry-until-answered.ts";
import { type WithRelated, waitForRoute } from "./wait-for-route.ts";

/** A delivery that lacks nothing but its attempt. */
export interface PreparedDelivery {
  kind: "ready";
  call: Call;
  mapped: ReturnType<Route["map"]>;
  related: Related | undefined;
  /** The route whose receipt did not come in time. */
  awaits: string | undefined;
  /** The limiter key of what the destination limits by itself, such as a channel. */
  target: string | undefined;
}

const ALONE: WithRelated = { related: undefined, awaits: undefined };

/** Waits for the route that `after` names, and maps the call; or how far the delivery came. Never throws. */
export async function prepareDelivery(options: {
  match: MatchResult;
  claim: Claim;
  place: RecordPlace;
  runtime: RouteRuntime;
  ports: DeliveryPorts;
  signal: AbortSignal;
}): Promise<PreparedDelivery | DeliveryResult> {
  const { match, runtime } = options;
  const { route } = runtime;
  if (match.kind === "unwanted") return { kind: "unwanted", reason: match.reason };
  if (match.kind === "fault") return { kind: "fault", error: match.fault };
  const found = route.after ? await waitFor(route.after, options) : ALONE;
  if ("kind" in found) return found;
  try {
    const mapped = route.map(match.call, found.related);
    const target = route.to.connector.target?.(mapped.with as never);
    return { kind: "ready", call: match.call, mapped, ...found, target: target === undefined ? undefined : `${route.to.name}/${target}` };
  } catch (error) {
    return { kind: "fault", error };
  }
}

function waitFor(after: After, options: Pick<Parameters<typeof prepareDelivery>[0], "claim" | "place" | "runtime" | "ports" | "signal">) {
  const { claim, place, runtime, ports, signal } = options;
  const { route, admission } = runtime;
  const { ledger, clock, state } = ports;
  return waitForRoute({
    after,
    claim,
    place,
    // A probe does not wait; and where no look-up shows what was sent, a claim that runs out is a dead letter.
    mayLookInPlace: () => admission.cause() === undefined && duplicatesAt(route.to, claim.receipt) !== "none",
    ask: (key) =>
      retryUntilAnswered({ ask: async () => ({ outcome: await ledger.outcome(key) }), signal, clock, onFailure: state.ledgerFailed }),
    clock,
    signal,
  });
}
