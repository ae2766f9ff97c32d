/** `after`: a delivery waits for what another route makes of the same call, for as long as its route says, and never longer. */
import type { Related } from "../../connector/index.ts";
import type { DeliveryKey, Settlement } from "../../ledger/ledger.ts";
import type { DeliveryOutcome } from "../../ledger/receipts.ts";
import { isNewer } from "../../ledger/record-order.ts";
import type { Clock } from "../../lib/time/clock.ts";
import type { Route } from "../../route.ts";
import type { ClaimedCall } from "./attempt.ts";

/** Looks before it is put to wait: most CRMs answer within a second, and a waiting row costs two writes. */
const PAUSES_MS = [100, 200, 400, 800];
/** In the ledger it looks again after this, and later ever more seldom: a third of its age late at most. */
const LOOK_AGAIN_MS = 2_000;

/** What a delivery goes with. `awaits`: the route whose receipt did not come in time. */
export interface WithRelated {
  related: Related | undefined;
  awaits: string | undefined;
}

/** What the other route has brought, or the settlement that puts the delivery to wait for it. */
export async function relatedOf(options: {
  route: Pick<Route, "after">;
  claimed: ClaimedCall;
  /** Whether it may look again under its claim, rather than wait in the ledger. */
  mayLookInPlace(): boolean;
  /** Undefined: the signal came while the ledger was away. */
  ask(key: DeliveryKey): Promise<{ outcome: DeliveryOutcome | undefined } | undefined>;
  clock: Clock;
  signal: AbortSignal;
}): Promise<WithRelated | { settlement: Settlement }> {
  const { route, claimed, mayLookInPlace, ask, clock, signal } = options;
  const { after } = route;
  if (!after) return { related: undefined, awaits: undefined };
  const { claim, place } = claimed;
  const pausesMs = claim.awaits === undefined ? PAUSES_MS : [];

  for (let look = 0; ; look += 1) {
    // Before the question: what ends meanwhile is not missed at the last look.
    const sinceMs = Math.max(0, clock.nowMs() - place.acceptedAt);
    const answer = await ask({ route: after.route, source: claim.source, callId: claim.callId });
    if (!answer) return { settlement: { kind: "released" } };
    const { outcome } = answer;
    if (outcome?.receipt) {
      const { url, person } = outcome.receipt;
      return { related: { title: after.title, url, person }, awaits: undefined };
    }
    // Of an older version of the call it says nothing: the other route is still to come to this one.
    const ended = outcome !== undefined && !isNewer(place, outcome.place) ? outcome.state : undefined;
    if (ended === "skipped") return { related: undefined, awaits: undefined };
    const leftMs = after.waitMs - sinceMs;
    // A dead letter may be replayed: what it brings then is still added.
    if (leftMs <= 0 || ended === "dead") return { related: undefined, awaits: after.route };
    const pauseMs = pausesMs[look];
    if (pauseMs === undefined || !mayLookInPlace())
      return { settlement: waits({ claimed, route: after.route, dueInMs: nextLookMs(sinceMs, leftMs) }) };
    await clock.sleep(Math.min(pauseMs, leftMs), signal);
    if (signal.aborted) return { settlement: { kind: "released" } };
  }
}

const nextLookMs = (sinceMs: number, leftMs: number) => Math.ceil(Math.min(leftMs, Math.max(LOOK_AGAIN_MS, sinceMs / 3)));

function waits(options: { claimed: ClaimedCall; route: string; dueInMs: number }): Settlement {
  const { claimed, route, dueInMs } = options;
  const { claim, body } = claimed;
  const reason = `waits for route ${route}`;
  return { kind: "waiting", dueInMs, errorCode: "after", reason, ambiguous: claim.ambiguous, awaits: route, body };
}
