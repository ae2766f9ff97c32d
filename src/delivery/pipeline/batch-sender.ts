import {
  type Connector,
  type Delivery,
  type OpenDestination,
  OpenError,
  type Outcome,
  outcomeOfNetworkError,
  type Receipt,
} from "../../connector/index.ts";
import { createBatcher } from "../../lib/async/batcher.ts";
import { abortable } from "../../lib/async/timeout.ts";
import { type Clock, timeoutSignal } from "../../lib/time/clock.ts";
import type { RouteLimits } from "../limits/route-limits.ts";
import type { DestinationHandle } from "../route/open-destination.ts";
import { currentOutcome } from "./current-outcome.ts";

type AnyDelivery = Delivery<Record<string, unknown>>;

interface Sending {
  delivery: AnyDelivery;
  /** In a request of its own: a delivery that failed in a batch must not fail the others again. */
  alone: boolean;
  /** Asked at the last moment, because a claim may run out, a circuit breaker open or a route pause while a delivery waits for its request. */
  isAllowed(): boolean;
}

/** How a request ended for one of its deliveries. */
export interface Sent {
  outcome: Outcome;
  /** Of the whole request. */
  durationMs: number;
}

/** Sends one route's deliveries to its destination, in the batches that the API takes, and always answers. */
export interface BatchSender {
  /** `undefined`: it was not sent. */
  send(sending: Sending): Promise<Sent | undefined>;
  /** What an ambiguous attempt left at the destination. `undefined`: nothing. @throws {OpenError} and what the connector throws. */
  find(delivery: AnyDelivery): Promise<Receipt | undefined>;
}

export interface BatchSenderOptions {
  connector: Connector;
  handle: DestinationHandle;
  timeoutMs: number;
  /** How long a call waits for others to go in one request. */
  lingerMs?: number | undefined;
  /** Absent: no request waits for its place. */
  limits?: Pick<RouteLimits, "reserveRequest" | "returnRequest">;
  clock: Clock;
}

export function createBatchSender(options: BatchSenderOptions): BatchSender {
  const { connector, handle, timeoutMs, lingerMs = 0, limits, clock } = options;

  const batches = createBatcher<Sending, Sent | undefined>({
    maxItems: connector.batch.maxCalls,
    alone: (sending) => sending.alone,
    concurrency: connector.batch.concurrency,
    defer: clock.defer,
    lingerMs,
    after: (ms, task) => void clock.sleep(ms).then(task),
    run: runBatch,
  });

  async function runBatch(batch: Sending[]): Promise<(Sent | undefined)[]> {
    const nothing = () => batch.map(() => undefined);
    if (limits) {
      // A batch that is not sent takes no place of the rate limit.
      if (!batch.some((sending) => sending.isAllowed())) return nothing();
      if (!(await limits.reserveRequest())) return nothing();
    }
    const startedAtMs = clock.monotonicMs();
    const destination = await handle.get();
    const allowed = batch.filter((sending) => sending.isAllowed());
    if (allowed.length === 0) {
      limits?.returnRequest();
      return nothing();
    }
    const deliveries = allowed.map(({ delivery }) => delivery);
    const outcomes = perRequest(
      "outcome" in destination ? deliveries.map(() => destination.outcome) : await answersOf(destination.open, deliveries),
    );
    const durationMs = clock.monotonicMs() - startedAtMs;
    if (outcomes.some(({ kind }) => kind === "needs-fix")) handle.reopen();
    const byDelivery = new Map(allowed.map((sending, index) => [sending, { outcome: outcomes[index] as Outcome, durationMs }]));
    return batch.map((sending) => byDelivery.get(sending));
  }

  async function answersOf(open: OpenDestination<Record<string, unknown>>, deliveries: AnyDelivery[]): Promise<Outcome[]> {
    try {
      const outcomes = await inTime((signal) => open.send(deliveries, { signal }));
      if (outcomes.length === deliveries.length) return outcomes.map(currentOutcome);
      const reason = "the connector did not answer for every call of a batch";
      return deliveries.map(() => ({ kind: "ambiguous", code: "wrong_count", reason }));
    } catch (error) {
      const outcome = outcomeOfThrown(error);
      return deliveries.map(() => outcome);
    }
  }

  async function inTime<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal, clear } = timeoutSignal(clock, timeoutMs);
    try {
      return await abortable(signal, () => ask(signal));
    } finally {
      clear();
    }
  }

  return {
    send: (sending) => batches.add(sending),
    async find(delivery) {
      const destination = await handle.get();
      if ("outcome" in destination) throw new OpenError(destination.outcome);
      const { open } = destination;
      if (!open.find) return undefined;
      const find = open.find.bind(open);
      return inTime((signal) => find(delivery, { signal }));
    },
  };
}

/** One object for each failure: a request that fails as a whole failed once, however many calls were in it. The circuit breaker counts objects. */
function perRequest(outcomes: Outcome[]): Outcome[] {
  const [first] = outcomes;
  const codeOf = (outcome: Outcome) => ("code" in outcome ? outcome.code : "");
  const isWhole = first !== undefined && outcomes.every((one) => one.kind === first.kind && codeOf(one) === codeOf(first));
  if (!first || !isWhole || first.kind === "delivered") return outcomes.map((one) => ({ ...one }));
  const shared = { ...first };
  return outcomes.map(() => shared);
}

/** Total. An error that is none of the network's is a fault of the connector, which may have come after the request: the delivery is looked for before it is sent again. */
function outcomeOfThrown(error: unknown): Outcome {
  const network = outcomeOfNetworkError(error);
  if (network) return network;
  const name = error instanceof Error ? error.name : "unknown";
  return { kind: "ambiguous", code: "connector_fault", reason: `the connector failed (${name})` };
}
