/** Delivers calls to one destination by the product's own routes, over a log and a ledger in memory, without the waits. */
import type { Connector, Outcome, Receipt } from "../connector/index.ts";
import type { AttemptEvent, DeliveryEvent } from "../delivery/pipeline/events.ts";
import { idempotencyKey } from "../delivery/pipeline/idempotency-key.ts";
import { type RunningRoutes, runRoutes } from "../delivery/process/run.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { createMemoryLedger } from "../ledger/memory/index.ts";
import { createMemoryStore, rowKey } from "../ledger/memory/rows.ts";
import { CALLS_TOPIC } from "../log/log.ts";
import { createMemoryLog } from "../log/memory.ts";
import type { CallRecord } from "../model/call.ts";
import { recordKey, toHeaders } from "../model/envelope.ts";
import { parseRecord } from "../model/record.ts";
import { describeCall, SOURCE } from "./calls.ts";
import { routeTo } from "./route-to.ts";
import { type SendSpy, type SendStep, spyOnSends } from "./send-spy.ts";
import { createSkippingClock } from "./skipping-clock.ts";

/** How a delivery ended, and the outcome of every attempt. */
export interface Ending {
  /** `exhausted`: neither delivered nor given up after {@link MAX_TRIES} attempts. */
  end: "delivered" | "skipped" | "dead" | "exhausted";
  outcomes: Outcome[];
  receipt?: Receipt;
  /** A dead letter because an earlier attempt may have arrived. */
  inDoubt: boolean;
  /** Its earlier version had a receipt. */
  isUpdate: boolean;
}

export interface RunOptions {
  /** A process that had claimed the delivery crashed before the ledger had its receipt. */
  afterCrash?: boolean;
  /** Called after each attempt, before it is settled. */
  onOutcome?(outcome: Outcome): void;
}

export interface DeliveryRunner {
  keyOf(call: Pick<CallRecord, "call_id">): string;
  /** Delivers a call, or a later version of it. One call's versions run one after the other. */
  runToEnd(call: CallRecord, options?: RunOptions): Promise<Ending>;
  /** Every `send` of the connector so far. */
  sends: SendSpy;
  close(): Promise<void>;
}

export interface DeliveryRunnerOptions {
  connector: Connector;
  /** As routes.yaml would have them; read each time that the destination is opened. */
  settings: Record<string, string>;
  example: Record<string, unknown>;
  timeoutMs: number;
  /** Waits last as long as they do outside. */
  waits?: boolean;
  /** Called when the destination is opened another time. */
  onReopen?: () => void;
  /** Awaited before waits are skipped: what is in progress at the destination would end in that time. */
  beforeSkip?: () => Promise<void>;
  /** Awaited: where a process may be stopped. */
  onStep?: (step: SendStep) => Promise<void>;
}

const MAX_TRIES = 8;
/** A route that has paused itself makes no attempt any more. */
const LONGEST_MS = 6 * 3_600_000;
/** Skipped waits must not end a claim. */
const LEASE_MS = 30 * 24 * 3_600_000;

interface Running extends Ending {
  startedAtMs: number;
  onOutcome(outcome: Outcome): void;
  resolve(ending: Ending): void;
}

export function createDeliveryRunner(options: DeliveryRunnerOptions): DeliveryRunner {
  const { settings, example, timeoutMs, waits = false, onReopen, beforeSkip, onStep } = options;
  const running = new Map<string, Running>();
  const clock = createSkippingClock({
    maySkip: () => !waits && running.size > 0,
    async beforeSkip() {
      for (const [callId, { startedAtMs }] of running) if (clock.monotonicMs() - startedAtMs > LONGEST_MS) end(callId, "exhausted");
      await beforeSkip?.();
    },
  });
  const { connector, spy } = spyOnSends(options.connector, { onStep, onReopen, during: clock.during, timeoutMs });
  const route = routeTo({ connector, example, timeoutMs, settings: () => connector.settings.parse(settings) });
  const store = createMemoryStore();
  // A single route without `after` asks nothing else of a ledger.
  const ledger = createMemoryLedger({ store, nowMs: clock.nowMs }) as Ledger;
  const log = createMemoryLog({ nowMs: clock.nowMs });
  const keyOf = (callId: string) => ({ route: route.id, source: SOURCE, callId });
  const rowOf = (callId: string) => store.rows.get(rowKey(keyOf(callId)));
  let routes: Promise<RunningRoutes> | undefined;

  const start = () =>
    runRoutes({
      routes: { path: "", version: "certify", timezone: "UTC", destinations: [route.to], routes: [route], describe: describeCall },
      selected: [route],
      log,
      ledger,
      worker: "certify",
      leaseMs: LEASE_MS,
      clock,
      onAttempt,
      onEvent,
      onTrouble: () => undefined,
      onDestination: () => undefined,
    });

  function onAttempt({ callId, outcome }: AttemptEvent): void {
    const one = running.get(callId);
    if (!one) return;
    one.outcomes.push(outcome);
    one.onOutcome(outcome);
    if (one.outcomes.length === MAX_TRIES && outcome.kind !== "delivered" && outcome.kind !== "skipped") end(callId, "exhausted");
  }

  function onEvent(event: DeliveryEvent): void {
    if (event.kind === "delivered") end(event.callId, "delivered", event.receipt);
    else if (event.kind !== "waiting") end(event.callId, event.kind);
  }

  function end(callId: string, how: Ending["end"], receipt?: Receipt): void {
    const one = running.get(callId);
    if (!one) return;
    running.delete(callId);
    const inDoubt = how === "dead" && (rowOf(callId)?.ambiguous ?? false);
    one.resolve({ end: how, outcomes: one.outcomes, ...(receipt && { receipt }), inDoubt, isUpdate: one.isUpdate });
  }

  /** Leaves the row as a crash leaves it between the answer and the ledger: claimed, the claim run out, without a receipt. */
  async function leaveExpiredClaim(callId: string, value: Uint8Array, acceptedAt: number): Promise<void> {
    const parsed = parseRecord(value);
    if (!parsed.ok) throw new Error(parsed.message);
    store.rows.delete(rowKey(keyOf(callId)));
    const [{ partition, high: offset } = { partition: 0, high: 0 }] = await log.ranges(CALLS_TOPIC);
    await ledger.claim({ worker: "crashed", leaseMs: 0, items: [{ ...keyOf(callId), partition, offset, hash: parsed.hash, acceptedAt }] });
  }

  return {
    sends: spy,
    keyOf: ({ call_id }) => idempotencyKey(route, { source: SOURCE, call_id }),
    async runToEnd({ unknown: _, ...record }, { afterCrash = false, onOutcome = () => undefined } = {}) {
      routes ??= start();
      await routes;
      const callId = record.call_id;
      const value = Buffer.from(JSON.stringify(record));
      const acceptedAt = clock.nowMs();
      if (afterCrash) await leaveExpiredClaim(callId, value, acceptedAt);
      const isUpdate = rowOf(callId)?.receipt !== undefined;
      const { promise, resolve } = Promise.withResolvers<Ending>();
      running.set(callId, {
        end: "exhausted",
        outcomes: [],
        inDoubt: false,
        isUpdate,
        startedAtMs: clock.monotonicMs(),
        onOutcome,
        resolve,
      });
      const headers = toHeaders({ source: SOURCE, acceptedAt, requestId: "certify" });
      await log.append({ topic: CALLS_TOPIC, key: recordKey(SOURCE, callId), value, headers });
      return promise;
    },
    async close() {
      await (await routes)?.stop({ graceMs: 0 });
    },
  };
}
