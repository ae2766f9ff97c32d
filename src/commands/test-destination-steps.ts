import { setTimeout as delay } from "node:timers/promises";
import type { Delivery, Failure, OpenDestination, Outcome, Receipt } from "../connector/index.ts";
import { abortable } from "../lib/async/timeout.ts";
import type { Destination } from "../route.ts";
import { failureOf, sentenceOf } from "./one-destination.ts";
import { LATE_WORDS } from "./test-call.ts";

type AnyDelivery = Delivery<Record<string, unknown>>;

export interface TestStep {
  step: "open" | "send" | "read" | "change" | "clean up";
  /** `note`: it did not fail, and there is something to know. */
  went: "well" | "note" | "wrong";
  /** A sentence for people. */
  says: string;
  tookMs: number;
  receipt?: Receipt;
  failure?: Failure;
  /** The record as the destination shows it. */
  record?: Record<string, unknown>;
}

/** What stays at the destination. */
export type LeftBehind = { id: string; url?: string | undefined; why: string };

/** A rate limit that is over within this is waited for, so often. */
const WAIT_UP_TO_MS = 10_000;
const TRIES = 3;
/** What was written may be seen a moment later. */
const LOOK_AGAIN_AFTER_MS = 1_000;
/** Reading and deleting may meet a rate limit, and throw without saying how long: two seconds is a chat's window. */
const ASK_AGAIN_AFTER_MS = 2_000;

/**
 * Sends one call to a destination, past log and ledger: open, send, read back, change, clean up. Each step is told when it is over; after a failed
 * one only cleaning up follows.
 */
export async function runTest(options: {
  destination: Destination;
  delivery: AnyDelivery;
  /** The same call as it comes again, with another summary: mapped like the first. */
  late: Pick<AnyDelivery, "call" | "with">;
  timezone: string;
  keep: boolean;
  onStep(step: TestStep): void;
  sleep?: (ms: number) => Promise<unknown>;
}): Promise<{ ok: boolean; left: LeftBehind[] }> {
  const { destination, delivery, late, timezone, keep, onStep, sleep = delay } = options;
  const { connector, timeoutMs } = destination;
  let ok = true;
  let startedAtMs = performance.now();

  function tell(step: TestStep["step"], went: TestStep["went"], says: string, more: Partial<TestStep> = {}): void {
    if (went === "wrong") ok = false;
    const now = performance.now();
    onStep({ step, went, says, tookMs: Math.round(now - startedAtMs), ...more });
    startedAtMs = now;
  }
  const fail = (step: TestStep["step"], failure: Failure) => tell(step, "wrong", sentenceOf(failure), { failure });
  /** SDKs do not all obey a signal. */
  const inTime = <T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const signal = AbortSignal.timeout(timeoutMs);
    return abortable(signal, () => ask(signal));
  };

  async function patiently<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried += 1) {
      try {
        return await inTime(ask);
      } catch (error) {
        if (tried === TRIES) throw error;
        await sleep(ASK_AGAIN_AFTER_MS);
      }
    }
  }

  async function send(open: OpenDestination<Record<string, unknown>>, one: AnyDelivery): Promise<Outcome> {
    for (let tried = 1; ; tried += 1) {
      const [outcome] = await inTime((signal) => open.send([one], { signal })).catch((error) => [failureOf(error)]);
      if (!outcome) return { kind: "ambiguous", code: "wrong_count", reason: "the connector did not answer for the call" };
      const waitMs =
        outcome.kind === "retry" && outcome.because === "rate-limit" ? (outcome.retryAfterMs ?? 2_000) : Number.POSITIVE_INFINITY;
      if (waitMs > WAIT_UP_TO_MS || tried === TRIES) return outcome;
      await sleep(waitMs);
    }
  }

  /** The record once it is as `wanted`, or as it is at the last look. */
  async function look(
    open: OpenDestination<Record<string, unknown>>,
    receipt: Receipt,
    wanted: (record: Record<string, unknown> | undefined) => boolean,
  ): Promise<Record<string, unknown> | undefined> {
    for (let tried = 1; ; tried += 1) {
      const record = await patiently(async (signal) => open.read?.({ key: delivery.key, receipt }, { signal }));
      if (wanted(record) || tried === TRIES) return record;
      await sleep(LOOK_AGAIN_AFTER_MS);
    }
  }

  async function readBack(open: OpenDestination<Record<string, unknown>>, receipt: Receipt): Promise<void> {
    if (!open.read) return tell("read", "note", `${connector.title} cannot be asked what it has: look there yourself`);
    const record = await look(open, receipt, (one) => one !== undefined);
    if (record) tell("read", "well", "it is there", { record });
    else tell("read", "wrong", "it was taken, and is not there");
  }

  async function change(open: OpenDestination<Record<string, unknown>>, previous: Receipt): Promise<Receipt> {
    const outcome = await send(open, { ...delivery, ...late, previous });
    if (outcome.kind === "skipped") tell("change", "note", outcome.reason);
    else if (outcome.kind !== "delivered") fail("change", outcome);
    else if (outcome.receipt.id === previous.id) await tellChanged(open, outcome.receipt);
    else if (connector.keeps === "message" && !connector.edits)
      tell("change", "note", "a later version is a second message: the first cannot be changed", { receipt: outcome.receipt });
    else tell("change", "wrong", "a later version made a second record", { receipt: outcome.receipt });
    return outcome.kind === "delivered" ? outcome.receipt : previous;
  }

  /** Whether it says the later words, where it can be read and the route shares them. */
  async function tellChanged(open: OpenDestination<Record<string, unknown>>, receipt: Receipt): Promise<void> {
    const same = "a later version changed the same one: there is no second";
    if (!open.read || !JSON.stringify(late).includes(LATE_WORDS)) return tell("change", "well", same, { receipt });
    const says = (record: unknown) => JSON.stringify(record ?? "").includes(LATE_WORDS);
    const record = await look(open, receipt, says);
    if (says(record)) tell("change", "well", `${same}, and it has the later summary`, { receipt });
    else tell("change", "note", "it took the later version and does not show its summary", { receipt, ...(record ? { record } : {}) });
  }

  async function cleanUp(open: OpenDestination<Record<string, unknown>>, receipt: Receipt): Promise<LeftBehind | undefined> {
    const { id, url } = receipt;
    const left = (why: string): LeftBehind => ({ id, url, why });
    if (keep) {
      tell("clean up", "note", "left there, as you asked");
      return left("--keep");
    }
    if (!open.erase) {
      tell("clean up", "note", `${connector.title} cannot delete from here: it stays until somebody deletes it`);
      return left("cannot be deleted from here");
    }
    try {
      const gone = await patiently(async (signal) => open.erase?.({ key: delivery.key, receipt }, { signal }));
      tell("clean up", "well", gone ? "deleted" : "it was gone already");
      return undefined;
    } catch (error) {
      fail("clean up", failureOf(error));
      return left("deleting failed");
    }
  }

  let open: OpenDestination<Record<string, unknown>>;
  try {
    open = await connector.open({ settings: destination.settings(), timezone, timeoutMs });
    tell("open", "well", `${connector.title} answers${open.about === undefined ? "" : `; ${open.about}`}`);
  } catch (error) {
    fail("open", failureOf(error));
    return { ok, left: [] };
  }
  try {
    const outcome = await send(open, delivery);
    if (outcome.kind !== "delivered") {
      fail("send", outcome);
      return { ok, left: outcome.kind === "ambiguous" ? [{ id: delivery.key, why: "it may have arrived" }] : [] };
    }
    const { receipt } = outcome;
    const where = receipt.url ?? receipt.id;
    const without = receipt.extra?.left_out;
    if (without === undefined) tell("send", "well", where, { receipt });
    else tell("send", "note", `${where}: refused, and left out: ${without}`, { receipt });
    const receipts = [receipt];
    try {
      await readBack(open, receipt);
      const changed = await change(open, receipt);
      if (changed.id !== receipt.id) receipts.push(changed);
    } catch (error) {
      fail("read", failureOf(error));
    }
    const left = [];
    for (const one of receipts) left.push(await cleanUp(open, one));
    return { ok, left: left.filter((one) => one !== undefined) };
  } finally {
    await open.close().catch(() => undefined);
  }
}
