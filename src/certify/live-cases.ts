/** The four cases that `patchbay test` also runs against a real destination: one call is sent, read back, changed and deleted. */
import type { Connector, Delivery, Failure, OpenDestination, Outcome, Receipt } from "../connector/index.ts";
import { abortable } from "../lib/async/timeout.ts";
import { failureOf, sentenceOf } from "./failures.ts";
import { repeat } from "./repeat.ts";

export type AnyDelivery = Delivery<Record<string, unknown>>;

/** One call at one destination. */
export interface LiveCall {
  connector: Pick<Connector, "title" | "keeps" | "edits">;
  open: OpenDestination<Record<string, unknown>>;
  timeoutMs: number;
  delivery: AnyDelivery;
  /** The same call as it comes again, with another summary; mapped like the first. */
  late: Pick<AnyDelivery, "call" | "with">;
  /** Words of the later summary. */
  lateWords: string;
  sleep?: ((ms: number) => Promise<unknown>) | undefined;
}

export interface LiveResult {
  /** `note`: it did not fail, and there is something to know. */
  went: "well" | "note" | "wrong";
  /** A sentence for people. */
  says: string;
  receipt?: Receipt;
  failure?: Failure;
  /** The record as the destination shows it. */
  record?: Record<string, unknown>;
}

/** A rate limit that ends within this is waited for. */
const LONGEST_WAIT_MS = 10_000;
const TRIES = 3;
/** What was written may be visible a moment later. */
const LOOK_AGAIN_AFTER_MS = 1_000;
/** Reading and deleting may meet a rate limit, and throw without saying how long: two seconds is a chat's window. */
const ASK_AGAIN_AFTER_MS = 2_000;

/** The receipt, or the outcome that is none. */
export async function sendCall(live: LiveCall): Promise<{ result: LiveResult; outcome: Outcome }> {
  const outcome = await sendPatiently(live, live.delivery);
  if (outcome.kind !== "delivered") return { outcome, result: failed(outcome) };
  const { receipt } = outcome;
  const where = receipt.url ?? receipt.id;
  const leftOut = receipt.extra?.left_out;
  const result: LiveResult =
    leftOut === undefined
      ? { went: "well", says: where, receipt }
      : { went: "note", says: `${where}: refused, and left out: ${leftOut}`, receipt };
  return { outcome, result };
}

export async function readBack(live: LiveCall, receipt: Receipt): Promise<LiveResult> {
  const { open, connector } = live;
  if (!open.read) return { went: "note", says: `${connector.title} cannot be asked what it has: look there yourself` };
  const record = await lookFor(live, receipt, (one) => one !== undefined);
  return record ? { went: "well", says: "it is there", record } : { went: "wrong", says: "it was taken, and is not there" };
}

export async function changeCall(live: LiveCall, previous: Receipt): Promise<LiveResult> {
  const { connector, delivery, late } = live;
  const outcome = await sendPatiently(live, { ...delivery, ...late, previous });
  if (outcome.kind === "skipped") return { went: "note", says: outcome.reason };
  if (outcome.kind !== "delivered") return failed(outcome);
  const { receipt } = outcome;
  if (receipt.id === previous.id) return changedResult(live, receipt);
  return connector.keeps === "message" && !connector.edits
    ? { went: "note", says: "a later version is a second message: the first cannot be changed", receipt }
    : { went: "wrong", says: "a later version made a second record", receipt };
}

/** Whether the record has the later words, where it can be read and the route shares them. */
async function changedResult(live: LiveCall, receipt: Receipt): Promise<LiveResult> {
  const { open, late, lateWords } = live;
  const same = "a later version changed the same one: there is no second";
  if (!open.read || !JSON.stringify(late).includes(lateWords)) return { went: "well", says: same, receipt };
  const isLater = (record: unknown) => JSON.stringify(record ?? "").includes(lateWords);
  const record = await lookFor(live, receipt, isLater);
  if (isLater(record)) return { went: "well", says: `${same}, and it has the later summary`, receipt };
  return { went: "note", says: "it took the later version and does not show its summary", receipt, ...(record ? { record } : {}) };
}

export async function deleteCall(live: LiveCall, receipt: Receipt): Promise<LiveResult> {
  const { open, delivery, connector } = live;
  const { erase } = open;
  if (!erase) return { went: "note", says: `${connector.title} cannot delete from here: it stays until somebody deletes it` };
  try {
    const deleted = await askPatiently(live, (signal) => erase.call(open, { key: delivery.key, receipt }, { signal }));
    return { went: "well", says: deleted ? "deleted" : "it was gone already" };
  } catch (error) {
    return failed(failureOf(error));
  }
}

export function failed(failure: Failure): LiveResult {
  return { went: "wrong", says: sentenceOf(failure), failure };
}

/** Sends once more where the destination asks for a short wait. */
export async function sendPatiently(live: Pick<LiveCall, "open" | "timeoutMs" | "sleep">, delivery: AnyDelivery): Promise<Outcome> {
  const [outcome] = await repeat({
    ask: () => inTime(live, (signal) => live.open.send([delivery], { signal })).catch((error) => [failureOf(error)]),
    waitAfter: ([one]) => shortWaitOf(one),
    tries: TRIES,
    sleep: live.sleep,
  });
  return outcome ?? { kind: "ambiguous", code: "wrong_count", reason: "the connector did not answer for the call" };
}

function shortWaitOf(outcome: Outcome | undefined): number | undefined {
  if (outcome?.kind !== "retry" || outcome.because !== "rate-limit") return undefined;
  const { retryAfterMs = 2_000 } = outcome;
  return retryAfterMs <= LONGEST_WAIT_MS ? retryAfterMs : undefined;
}

/** The record once it is as `wanted`, or as it is at the last look. */
function lookFor(live: LiveCall, receipt: Receipt, wanted: (record: Record<string, unknown> | undefined) => boolean) {
  const { open, delivery, sleep } = live;
  return repeat({
    ask: () => askPatiently(live, async (signal) => open.read?.({ key: delivery.key, receipt }, { signal })),
    waitAfter: (record) => (wanted(record) ? undefined : LOOK_AGAIN_AFTER_MS),
    tries: TRIES,
    sleep,
  });
}

function askPatiently<T>(live: LiveCall, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return repeat({ ask: () => inTime(live, ask), waitAfterErrorMs: ASK_AGAIN_AFTER_MS, tries: TRIES, sleep: live.sleep });
}

/** SDKs do not all obey a signal. */
function inTime<T>({ timeoutMs }: Pick<LiveCall, "timeoutMs">, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs);
  return abortable(signal, () => ask(signal));
}
