/** `after`: a delivery waits for what another route makes of the same call, for as long as its route says, and never longer. */
import type { Related } from "../../connector/index.ts";
import type { Claim, DeliveryKey } from "../../ledger/ledger.ts";
import type { DeliveryOutcome } from "../../ledger/receipts.ts";
import { isNewer, type RecordPlace } from "../../ledger/record-order.ts";
import type { Clock } from "../../lib/time/clock.ts";
import type { After } from "../../route.ts";
import { type DeliveryResult, NOT_SENT } from "./delivery-result.ts";

/** Waits between looks under the claim: most CRMs answer within a second, and a waiting row costs two writes. */
const PAUSES_MS = [100, 200, 400, 800];
/** A waiting row is looked at again after this, and then ever less often: it is late by a third of its age at most. */
const LOOK_AGAIN_MS = 2_000;

/** What a delivery goes with. `awaits`: the route whose receipt did not come in time. */
export interface WithRelated {
  related: Related | undefined;
  awaits: string | undefined;
}

/** What the other route has made of the call, or that the delivery waits for it in the ledger. */
export async function waitForRoute(options: {
  after: After;
  claim: Pick<Claim, "source" | "callId" | "awaits">;
  /** Of the record in the log. */
  place: RecordPlace;
  /** Whether it may look again under its claim, rather than wait in the ledger. */
  mayLookInPlace(): boolean;
  /** `undefined`: the signal came while the ledger was away. */
  ask(key: DeliveryKey): Promise<{ outcome: DeliveryOutcome | undefined } | undefined>;
  clock: Clock;
  signal: AbortSignal;
}): Promise<WithRelated | DeliveryResult> {
  const { after, claim, place, mayLookInPlace, ask, clock, signal } = options;
  const pausesMs = claim.awaits === undefined ? PAUSES_MS : [];
  for (let look = 0; ; look += 1) {
    // Measured before the question, so that a receipt that comes meanwhile is not missed at the last look.
    const sinceMs = Math.max(0, clock.nowMs() - place.acceptedAt);
    const answer = await ask({ route: after.route, source: claim.source, callId: claim.callId });
    if (!answer) return NOT_SENT;
    const { outcome } = answer;
    if (outcome?.receipt) {
      const { url, person } = outcome.receipt;
      return { related: { title: after.title, url, person }, awaits: undefined };
    }
    // The end of an older version says nothing: the other route has this one still to process.
    const ended = outcome !== undefined && !isNewer(place, outcome.place) ? outcome.state : undefined;
    if (ended === "skipped") return { related: undefined, awaits: undefined };
    const leftMs = after.waitMs - sinceMs;
    // A dead letter may be replayed, so its receipt may still come.
    if (leftMs <= 0 || ended === "dead") return { related: undefined, awaits: after.route };
    const pauseMs = pausesMs[look];
    if (pauseMs === undefined || !mayLookInPlace())
      return { kind: "waits-for-route", route: after.route, dueInMs: nextLookMs(sinceMs, leftMs) };
    await clock.sleep(Math.min(pauseMs, leftMs), signal);
    if (signal.aborted) return NOT_SENT;
  }
}

const nextLookMs = (sinceMs: number, leftMs: number) => Math.ceil(Math.min(leftMs, Math.max(LOOK_AGAIN_MS, sinceMs / 3)));
