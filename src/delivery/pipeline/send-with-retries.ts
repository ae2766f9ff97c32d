/** **map → send** under a claim, to a settlement: with short retries in place, and at the pace that the destination takes. */
import type { Outcome } from "../../connector/index.ts";
import type { DeliveryKey, Settlement } from "../../ledger/ledger.ts";
import type { DeliveryOutcome } from "../../ledger/receipts.ts";
import type { Semaphore } from "../../lib/async/semaphore.ts";
import type { Clock } from "../../lib/time/clock.ts";
import type { Route } from "../../route.ts";
import type { Admission } from "../limits/admission.ts";
import type { Permit } from "../limits/circuit-breaker.ts";
import type { RateLimiter } from "../limits/rate-limiter.ts";
import { attempt, type ClaimedCall, duplicatesAt, type Mapped, settlementOfFault } from "./attempt.ts";
import type { BatchSender } from "./batch-sender.ts";
import { decideSettlement } from "./decide-settlement.ts";
import type { Lease } from "./leases.ts";
import { relatedOf, type WithRelated } from "./wait-for-route.ts";

/** Tries at one claim, and the waits between them: most locks and single 5xx are over by then. ±50 %. */
const TRIES = 3;
const PAUSES_MS = [300, 1_200];
/** A longer wait for a place at a limiter is spent in the ledger: other targets' calls go on meanwhile. */
const WAIT_IN_PLACE_MS = 1_500;

/** What a route delivers with; a new one after each edit of routes.yaml. */
export interface RouteRuntime {
  route: Route;
  routesVersion: string;
  sender: BatchSender;
  gate: Admission;
}

export interface SendOptions {
  runtime: RouteRuntime;
  claimed: ClaimedCall;
  key: string;
  permit: Permit;
  lease: Lease;
  slots: Semaphore;
  pacer: RateLimiter;
  clock: Clock;
  signal: AbortSignal;
  /** What another route has made of the call; undefined: the signal came first. */
  ask(key: DeliveryKey): Promise<{ outcome: DeliveryOutcome | undefined } | undefined>;
  /** The destination has said that it is gone: the route has to stop before anything else of it is tried. */
  onGone(reason: string): void;
}

/** What a delivery is made of once nothing is missing. */
interface PreparedDelivery {
  mapped: Mapped;
  withRelated: WithRelated;
}

const RELEASED: Settlement = { kind: "released" };

/** Never throws; whatever happens becomes a settlement. */
export async function sendWithRetries(options: SendOptions): Promise<Settlement> {
  const { runtime, claimed, permit, lease, slots, signal } = options;
  const { route, gate } = runtime;
  // A probe at a destination that stands is not for looking; and a claim that runs out is a dead letter where nothing tells what was sent.
  const mayLookInPlace = () => gate.cause() === undefined && duplicatesAt(route.to, claimed.claim.receipt) !== "none";
  const brought = await relatedOf({ ...options, route, mayLookInPlace });
  if ("settlement" in brought) {
    permit.end(undefined);
    return brought.settlement;
  }
  let mapped: Mapped;
  try {
    mapped = route.map(claimed.call, brought.related);
  } catch (error) {
    permit.end(undefined);
    return settlementOfFault(error, claimed.body);
  }
  if (!(await slots.acquire(signal))) return RELEASED;
  try {
    const place = await untilItsPlace({ ...options, mapped });
    if (place !== "now") return place;
    if (!(await lease.ensure(leastLeaseMs(route)))) return RELEASED;
    return await tryRepeatedly({ ...options, mapped, withRelated: brought });
  } finally {
    slots.release();
    permit.end(undefined);
  }
}

/** A claim must outlive the attempt. */
const leastLeaseMs = (route: Route) => route.to.timeoutMs + 5_000;

/** Where a target has a rate or is held: waits a little for its place, or puts the delivery to wait until then. */
async function untilItsPlace(options: SendOptions & { mapped: Mapped }): Promise<"now" | Settlement> {
  const { runtime, claimed, mapped, pacer, clock, signal } = options;
  const { to } = runtime.route;
  const key = targetKey(runtime.route, mapped);
  if (key === undefined) return "now";
  const heldMs = pacer.heldForMs(key);
  // It has waited for its place already, unless the target was held since.
  if (heldMs === 0 && (to.intervalMs === undefined || claimed.claim.paced)) return "now";
  let waitMs: number;
  try {
    waitMs = Math.max(heldMs, await pacer.reserve({ key, intervalMs: to.intervalMs ?? 0 }));
  } catch {
    return RELEASED;
  }
  if (waitMs > WAIT_IN_PLACE_MS) return waitsForPlace(claimed, waitMs);
  await clock.sleep(waitMs, signal);
  return signal.aborted ? RELEASED : "now";
}

function targetKey({ to }: Route, mapped: Mapped): string | undefined {
  const target = to.connector.target?.(mapped.with as never);
  return target === undefined ? undefined : `${to.name}/${target}`;
}

function waitsForPlace({ claim, body }: ClaimedCall, waitMs: number): Settlement {
  const reason = "waits for its place: the target takes no more at once";
  const { ambiguous, awaits } = claim;
  return {
    kind: "waiting",
    dueInMs: Math.ceil(waitMs),
    errorCode: "paced",
    reason,
    ambiguous,
    paced: true,
    ...(awaits && { awaits }),
    body,
  };
}

async function tryRepeatedly(options: SendOptions & PreparedDelivery): Promise<Settlement> {
  const { runtime, claimed, mapped, withRelated, key, permit: first, lease, clock, signal, onGone } = options;
  const { route, sender, gate } = runtime;
  let permit: Permit | undefined = first;
  for (let tries = 1; ; tries += 1) {
    const mine: Permit = permit;
    const mayGo = () => mine.stands() && lease.covers(route.to.timeoutMs);
    const alone = tries > 1 || claimed.claim.attempts > 0;
    const outcome = mayGo()
      ? await attempt({ claimed, mapped, route, sender, related: withRelated.related, nowMs: clock.nowMs(), alone, mayGo })
      : undefined;
    if (outcome?.kind === "needs-fix" && outcome.stopsRoute) onGone(`${outcome.reason}. ${outcome.fix}`);
    mine.end(outcome);
    if (outcome === undefined) return RELEASED;
    const again = tries < TRIES && claimed.claim.attempts === 0 && mayPass(outcome);
    if (!again || gate.cause() !== undefined) return settled(options, outcome);
    await clock.sleep((PAUSES_MS[tries - 1] ?? 0) * (0.5 + clock.random()), signal);
    // What has failed is not sent again behind a gate that closed meanwhile, nor by a process that stops.
    if (signal.aborted || gate.cause() !== undefined) return settled(options, outcome);
    permit = await gate.pass({ key, signal });
    if (!permit) return settled(options, outcome);
    if (!(await lease.ensure(leastLeaseMs(route)))) {
      permit.end(undefined);
      return RELEASED;
    }
  }
}

/** Whether it may well be over in a second: nothing that says itself for how long it takes. */
function mayPass(outcome: Outcome): boolean {
  return outcome.kind === "retry" && (outcome.because === "record" || outcome.because === "server") && outcome.retryAfterMs === undefined;
}

function settled(options: SendOptions & PreparedDelivery, outcome: Outcome): Settlement {
  const { runtime, claimed, mapped, withRelated, pacer, clock } = options;
  const { route, gate } = runtime;
  const settlement = decideSettlement({
    outcome,
    connector: { duplicates: duplicatesAt(route.to, claimed.claim.receipt) },
    claim: claimed.claim,
    route,
    limitedForMs: limitOf({ outcome, route, mapped, pacer }),
    destinationStands: gate.cause() !== undefined,
    sentFields: mapped.sentFields,
    body: claimed.body,
    random: clock.random,
  });
  const { awaits } = claimed.claim;
  // It is still one of those that get what they went without.
  if (settlement.kind === "waiting" && settlement.paced && awaits !== undefined) return { ...settlement, awaits };
  // Only where it can be added later is it remembered that it is missing.
  const isFinal = !route.to.connector.edits || (outcome.kind === "delivered" && outcome.final);
  return settlement.kind === "delivered" && !isFinal ? { ...settlement, awaits: withRelated.awaits } : settlement;
}

/** Tells whom it concerns of a rate limit, and a target that it takes calls (the gate tells so of the destination); the wait of this call alone, if it has one. */
function limitOf(options: { outcome: Outcome; route: Route; mapped: Mapped; pacer: RateLimiter }): number | undefined {
  const { outcome, route, mapped, pacer } = options;
  const target = targetKey(route, mapped);
  if (outcome.kind !== "retry" || outcome.because !== "rate-limit") {
    if (target !== undefined) pacer.onAccepted(target);
    return undefined;
  }
  const { scope = "destination", retryAfterMs } = outcome;
  if (scope === "call") return retryAfterMs ?? WAIT_IN_PLACE_MS;
  if (scope === "target" && target !== undefined) return pacer.hold({ key: target, retryAfterMs });
  pacer.hold({ key: route.to.name, retryAfterMs });
  return undefined;
}
