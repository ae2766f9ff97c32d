import { type Connector, type Delivery, type Outcome, outcomeOfNetworkError, type Receipt } from "../connector.ts";
import { createBatcher } from "../lib/batcher.ts";
import { untilAborted } from "../lib/time-limit.ts";
import type { DestinationHandle } from "./open-destination.ts";

type AnyDelivery = Delivery<Record<string, unknown>>;

/** One route's way to its destination: gathers deliveries into the batches that the API takes, and always answers. */
export interface Sender {
  send(delivery: AnyDelivery): Promise<Outcome>;
  /** What an ambiguous attempt left at the destination. `undefined`: nothing. */
  find(delivery: AnyDelivery): Promise<Receipt | undefined>;
}

export function createSender(options: { connector: Connector; handle: DestinationHandle; timeoutMs: number }): Sender {
  const { connector, handle, timeoutMs } = options;

  const batches = createBatcher<AnyDelivery, Outcome>({
    maxItems: connector.batch.maxCalls,
    concurrency: connector.batch.concurrency,
    run: async (deliveries) => {
      const destination = await handle.get();
      if ("outcome" in destination) return deliveries.map(() => destination.outcome);
      const outcomes = await attempt(deliveries, (signal) => destination.open.send(deliveries, { signal }), timeoutMs);
      if (outcomes.some((outcome) => outcome.kind === "unauthorized")) handle.reopen();
      return outcomes;
    },
  });

  return {
    send: (delivery) => batches.add(delivery),
    async find(delivery) {
      const destination = await handle.get();
      if ("outcome" in destination) throw new Error("the destination cannot be asked now");
      const { open } = destination;
      if (!open.find) return undefined;
      const find = open.find.bind(open);
      const signal = AbortSignal.timeout(timeoutMs);
      return untilAborted(signal, () => find(delivery, { signal }));
    },
  };
}

async function attempt(
  deliveries: AnyDelivery[],
  send: (signal: AbortSignal) => Promise<Outcome[]>,
  timeoutMs: number,
): Promise<Outcome[]> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const outcomes = await untilAborted(signal, () => send(signal));
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

/** Total. An error that is none of the network's is a fault in the connector, which may have come after the request: look before sending again. */
function outcomeOfThrown(error: unknown): Outcome {
  const network = outcomeOfNetworkError(error);
  if (network) return network;
  const name = error instanceof Error ? error.name : "unknown";
  return { kind: "ambiguous", code: "connector_fault", reason: `the connector failed (${name})` };
}
