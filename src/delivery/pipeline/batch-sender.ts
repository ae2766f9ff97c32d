import { type Connector, type Delivery, OpenError, type Outcome, outcomeOfNetworkError, type Receipt } from "../../connector/index.ts";
import { createBatcher } from "../../lib/async/batcher.ts";
import { abortable } from "../../lib/async/timeout.ts";
import { type Clock, timeoutSignal } from "../../lib/time/clock.ts";
import type { RateLimiter } from "../limits/rate-limiter.ts";
import type { DestinationHandle } from "../route/open-destination.ts";

type AnyDelivery = Delivery<Record<string, unknown>>;

interface Sending {
  delivery: AnyDelivery;
  /** In a request of its own: what failed in company must not take the others with it. */
  alone: boolean;
  /** Asked at the last moment: claims run out, breakers open, routes are paused while a delivery waits for its turn. */
  mayGo(): boolean;
}

/** One route's way to its destination: gathers deliveries into the batches that the API takes, and always answers. */
export interface BatchSender {
  /** `undefined`: it was not sent. */
  send(sending: Sending): Promise<Outcome | undefined>;
  /** What an ambiguous attempt left at the destination. `undefined`: nothing. */
  find(delivery: AnyDelivery): Promise<Receipt | undefined>;
}

export interface BatchSenderOptions {
  connector: Connector;
  handle: DestinationHandle;
  timeoutMs: number;
  /** How long a call waits for others to go in one request. */
  lingerMs?: number | undefined;
  /** Where the destination as a whole has a rate: its limiter key, and the time between two requests. */
  limiter: { key: string; intervalMs: number } | undefined;
  pacer: Pick<RateLimiter, "reserve">;
  clock: Clock;
}

export function createBatchSender(options: BatchSenderOptions): BatchSender {
  const { connector, handle, timeoutMs, lingerMs = 0, limiter, pacer, clock } = options;

  async function untilItsPlace(): Promise<boolean> {
    if (!limiter) return true;
    try {
      await clock.sleep(await pacer.reserve(limiter));
      return true;
    } catch {
      // Without the ledger the limit cannot be kept; settling needs it too, so nothing is lost by waiting.
      return false;
    }
  }

  const batches = createBatcher<Sending, Outcome | undefined>({
    maxItems: connector.batch.maxCalls,
    alone: (sending) => sending.alone,
    concurrency: connector.batch.concurrency,
    defer: clock.defer,
    lingerMs,
    after: (ms, task) => void clock.sleep(ms).then(task),
    run: async (all) => {
      if (!(await untilItsPlace())) return all.map(() => undefined);
      const destination = await handle.get();
      const going = all.filter((sending) => sending.mayGo());
      if (going.length === 0) return all.map(() => undefined);
      const outcomes = perRequest(await attempt(going.map(({ delivery }) => delivery)));
      if (outcomes.some((outcome) => outcome.kind === "needs-fix")) handle.reopen();
      const byDelivery = new Map(going.map((sending, index) => [sending, outcomes[index]]));
      return all.map((sending) => byDelivery.get(sending));

      async function attempt(deliveries: AnyDelivery[]): Promise<Outcome[]> {
        if ("outcome" in destination) return deliveries.map(() => destination.outcome);
        const { open } = destination;
        return answered(deliveries, (signal) => open.send(deliveries, { signal }));
      }
    },
  });

  async function inTime<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal, clear } = timeoutSignal(clock, timeoutMs);
    try {
      return await abortable(signal, () => ask(signal));
    } finally {
      clear();
    }
  }

  async function answered(deliveries: AnyDelivery[], send: (signal: AbortSignal) => Promise<Outcome[]>): Promise<Outcome[]> {
    try {
      const outcomes = await inTime(send);
      if (outcomes.length === deliveries.length) return outcomes;
      return deliveries.map(() => ({
        kind: "ambiguous",
        code: "wrong_count",
        reason: "the connector did not answer for every call of a batch",
      }));
    } catch (error) {
      const outcome = outcomeOfThrown(error);
      return deliveries.map(() => outcome);
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

/**
 * One object for each failure: a request that fails as a whole has failed once, however many calls were in it. The breaker counts objects.
 */
function perRequest(outcomes: Outcome[]): Outcome[] {
  const [first] = outcomes;
  const codeOf = (outcome: Outcome) => ("code" in outcome ? outcome.code : "");
  const whole = first !== undefined && outcomes.every((one) => one.kind === first.kind && codeOf(one) === codeOf(first));
  if (!first || !whole || first.kind === "delivered") return outcomes.map((one) => ({ ...one }));
  const shared = { ...first };
  return outcomes.map(() => shared);
}

/** Total. An error that is none of the network's is a fault in the connector, which may have come after the request: look before sending again. */
function outcomeOfThrown(error: unknown): Outcome {
  const network = outcomeOfNetworkError(error);
  if (network) return network;
  const name = error instanceof Error ? error.name : "unknown";
  return { kind: "ambiguous", code: "connector_fault", reason: `the connector failed (${name})` };
}
