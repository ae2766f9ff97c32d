import type { Outcome } from "../../connector/index.ts";
import type { Claim } from "../../ledger/ledger.ts";
import type { RecordPlace } from "../../ledger/record-order.ts";
import type { Route } from "../../route.ts";
import type { Admitted } from "../limits/admission.ts";
import type { RouteRuntime } from "../route/route-runtime.ts";
import { attempt } from "./attempt.ts";
import type { DeliveryPorts } from "./delivery-ports.ts";
import { type DeliveryResult, NOT_SENT } from "./delivery-result.ts";
import { attemptEvent } from "./events.ts";
import type { Lease } from "./leases.ts";
import type { PreparedDelivery } from "./prepare-delivery.ts";

/** Tries under one claim, and the waits between them: most locks and single 5xx are over by then. ±50 %. */
const TRIES = 3;
const PAUSES_MS = [300, 1_200];
/** A longer wait for the target's limit is spent in the ledger, so that calls for other targets can pass. */
const WAIT_IN_PLACE_MS = 1_500;

export interface SendOptions {
  prepared: PreparedDelivery;
  claim: Claim;
  place: RecordPlace;
  lease: Lease;
  admitted: Admitted;
  runtime: RouteRuntime;
  ports: DeliveryPorts;
  signal: AbortSignal;
}

/** Sends a delivery once its target takes it, and again at once where a failure may be over in a second. Never throws. */
export async function sendWithRetries(options: SendOptions): Promise<DeliveryResult> {
  const { prepared, claim, runtime, ports, signal } = options;
  const { slots, clock } = ports;
  if (!(await slots.acquire(signal))) return NOT_SENT;
  try {
    const { target } = prepared;
    if (target !== undefined) {
      const waitMs = await runtime.limits.targetWaitMs({ target, hasPlace: claim.paced });
      if (waitMs === undefined) return NOT_SENT;
      if (waitMs > WAIT_IN_PLACE_MS) return { kind: "waits-for-target", dueInMs: waitMs };
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      if (signal.aborted) return NOT_SENT;
    }
    return await tryRepeatedly(options);
  } finally {
    slots.release();
  }
}

async function tryRepeatedly(options: SendOptions): Promise<DeliveryResult> {
  const { prepared, claim, place, lease, admitted, runtime, ports, signal } = options;
  const { route, sender, admission } = runtime;
  const { clock } = ports;
  const isAllowed = () => admitted.isValid() && lease.covers(route.to.timeoutMs);
  for (let nth = 1; ; nth += 1) {
    if (!(await lease.ensure(leastLeaseMs(route)))) return NOT_SENT;
    const alone = nth > 1 || claim.attempts > 0;
    const sent = isAllowed() ? await attempt({ claim, place, prepared, route, sender, clock, alone, isAllowed }) : undefined;
    if (!sent) return NOT_SENT;
    const { outcome, durationMs } = sent;
    const limitedForMs = admitted.report(outcome, prepared.target);
    const result = {
      kind: "attempted",
      outcome,
      limitedForMs,
      sentFields: prepared.mapped.sentFields,
      awaits: prepared.awaits,
      try: nth,
      durationMs,
    } as const;
    const isLast = nth === TRIES || claim.attempts > 0 || !mayPass(outcome);
    // Nothing is retried behind an admission that has closed.
    if (isLast || admission.cause() !== undefined) return result;
    const pauseMs = (PAUSES_MS[nth - 1] ?? 0) * (0.5 + clock.random());
    await clock.sleep(pauseMs, signal);
    if (signal.aborted || admission.cause() !== undefined || !(await admitted.renew(signal))) return result;
    ports.onAttempt(attemptEvent({ claim, route, result, follows: { kind: "retry", dueInMs: pauseMs } }));
  }
}

/** A claim must outlive the attempt. */
const leastLeaseMs = (route: Route) => route.to.timeoutMs + 5_000;

/** Whether it may well be over in a second: nothing that names its own wait. */
function mayPass(outcome: Outcome): boolean {
  return outcome.kind === "retry" && (outcome.because === "record" || outcome.because === "server") && outcome.retryAfterMs === undefined;
}
