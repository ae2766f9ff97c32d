import { z } from "zod";
import { type Connector, defineConnector, type Outcome } from "../src/connector/index.ts";

/** A destination that answers after `latency_ms`, 64 attempts at once; it counts what it gets. */
export function benchConnector(): { connector: Connector; sent: () => number } {
  let sent = 0;
  const connector = defineConnector({
    name: "bench",
    title: "Bench",
    keeps: "message",
    duplicates: "native-key",
    settings: z.strictObject({ latency_ms: z.coerce.number() }),
    with: z.strictObject({}),
    batch: { maxCalls: 1, concurrency: 64 },
    async open({ settings }) {
      return {
        async send(deliveries): Promise<Outcome[]> {
          if (settings.latency_ms > 0) await new Promise((resolve) => setTimeout(resolve, settings.latency_ms));
          sent += deliveries.length;
          return deliveries.map(({ key }) => ({ kind: "delivered", receipt: { id: key } }));
        },
        close: async () => undefined,
      };
    },
    sandbox: () => Promise.reject(new Error("the bench has no sandbox")),
  });
  return { connector: connector as unknown as Connector, sent: () => sent };
}
