/** Carries calls to one destination as the product does: its own sender, attempts and settlements, with the ledger's part in memory. */
import type { Connector, Outcome, Receipt } from "../connector/index.ts";
import { attempt } from "../delivery/pipeline/attempt.ts";
import { createBatchSender } from "../delivery/pipeline/batch-sender.ts";
import { decideSettlement } from "../delivery/pipeline/decide-settlement.ts";
import { idempotencyKey } from "../delivery/pipeline/idempotency-key.ts";
import { createDestinationHandle } from "../delivery/route/open-destination.ts";
import type { Claim, Settlement } from "../ledger/ledger.ts";
import { type Clock, systemClock } from "../lib/time/clock.ts";
import type { Call, SharedCall } from "../model/call.ts";
import { routeTo } from "./route-to.ts";
import { type SendSpy, spyOnSends } from "./send-spy.ts";

/** How a delivery ended, and every outcome on its way there. */
export interface Ending {
  /** `tired`: neither delivered nor given up after so many tries. */
  end: "delivered" | "skipped" | "dead" | "tired";
  outcomes: Outcome[];
  receipt?: Receipt;
  /** A dead letter because nobody can tell whether it is there. */
  inDoubt: boolean;
  /** Its earlier version had a receipt. */
  isUpdate?: boolean;
}

export interface DeliveryRunner {
  keyOf(call: Call): string;
  /** One attempt: what the connector says. */
  tryOnce(call: Call, known?: Known): Promise<Outcome>;
  /** Attempts until there is an end, without the waits between them. `onOutcome` hears of each. */
  toEnd(call: Call, known?: Known, onOutcome?: (outcome: Outcome) => void): Promise<Ending>;
  /** Every `send` of the connector so far. */
  watch: SendSpy;
  close(): Promise<void>;
}

/** What the ledger would know of the delivery. */
export interface Known {
  receipt?: Receipt | undefined;
  /** An earlier attempt's end is unknown. */
  ambiguous?: boolean;
}

export interface DeliveryRunnerOptions {
  connector: Connector;
  /** As routes.yaml would have them; read anew when the destination is opened. */
  settings: Record<string, string>;
  example: Record<string, unknown>;
  timeoutMs: number;
  /** The destination is opened anew after this. */
  onReopen?: () => void;
  /** Awaited before the wait for another try is skipped: what is under way at the destination would end in that time. */
  beforeSkip?: () => Promise<void>;
  /** Awaited: where a process may be stopped. */
  onStep?: (step: "opened" | "sending" | "sent") => Promise<void>;
}

const MAX_TRIES = 8;
/** Longer than a destination that failed to open is left alone. */
const SKIP_MS = 6_000;

export function createDeliveryRunner(options: DeliveryRunnerOptions): DeliveryRunner {
  const {
    settings,
    example,
    timeoutMs,
    onReopen = () => undefined,
    beforeSkip = async () => undefined,
    onStep = async () => undefined,
  } = options;
  const { connector, watch } = spyOnSends(options.connector, { onStep });
  const { clock, skip } = skippingClock();
  const route = routeTo({ connector, timeoutMs, settings: () => connector.settings.parse(settings) });
  const handle = createDestinationHandle({ destination: route.to, timezone: "UTC", clock });
  const reopening = {
    ...handle,
    reopen() {
      onReopen();
      handle.reopen();
    },
  };
  const sender = createBatchSender({
    connector,
    handle: reopening,
    timeoutMs,
    clock,
  });

  async function tryClaim(call: Call, claim: Claim): Promise<Outcome> {
    const { unknown: _, ...shared } = call;
    const mapped = { call: shared as SharedCall, with: connector.with.parse(example) as Record<string, unknown>, sentFields: [] };
    const place = { partition: 0, offset: 0, acceptedAt: clock.nowMs() - claim.agedMs };
    const prepared = { call, mapped, related: undefined };
    const sent = await attempt({ claim, place, prepared, route, sender, clock, alone: false, isAllowed: () => true });
    if (!sent) throw new Error("the sender did not send");
    return sent.outcome;
  }

  return {
    watch,
    keyOf: (call) => idempotencyKey(route, call),
    tryOnce: (call, known = {}) => tryClaim(call, claimOf(call, known)),
    async toEnd(call, known = {}, onOutcome = () => undefined) {
      let claim = claimOf(call, known);
      const isUpdate = known.receipt !== undefined;
      const outcomes: Outcome[] = [];
      while (outcomes.length < MAX_TRIES) {
        const outcome = await tryClaim(call, claim);
        outcomes.push(outcome);
        onOutcome(outcome);
        const settlement = settled(outcome, claim);
        if (settlement.kind === "delivered") return { end: "delivered", outcomes, receipt: settlement.receipt, inDoubt: false };
        if (settlement.kind === "skipped") return { end: "skipped", outcomes, inDoubt: false };
        if (settlement.kind === "dead") return { end: "dead", outcomes, inDoubt: settlement.ambiguous ?? false, isUpdate };
        if (settlement.kind === "waiting") {
          const { ambiguous = false, dueInMs } = settlement;
          claim = { ...claim, attempts: claim.attempts + 1, ambiguous, agedMs: claim.agedMs + dueInMs };
        }
        await beforeSkip();
        skip(SKIP_MS);
      }
      return { end: "tired", outcomes, inDoubt: false };
    },
    close: () => handle.close(),
  };

  function settled(outcome: Outcome, claim: Claim): Settlement {
    return decideSettlement({
      result: { kind: "attempted", outcome, limitedForMs: undefined, sentFields: [], awaits: undefined, try: 1, durationMs: 0 },
      claim,
      route,
      isClosed: false,
      body: new Uint8Array(),
      random: () => 0.5,
      mayReject: () => true,
    });
  }

  function claimOf(call: Call, known: Known): Claim {
    return {
      route: route.id,
      source: call.source,
      callId: call.call_id,
      claimId: "certify",
      ambiguous: known.ambiguous ?? false,
      attempts: 0,
      receipt: known.receipt,
      sentFields: [],
      agedMs: 0,
      paced: false,
      awaits: undefined,
      replay: false,
    };
  }
}

/** The system's clock, whose waits between attempts are skipped. */
function skippingClock(): { clock: Clock; skip(ms: number): void } {
  let skippedMs = 0;
  return {
    clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + skippedMs },
    skip(ms) {
      skippedMs += ms;
    },
  };
}
