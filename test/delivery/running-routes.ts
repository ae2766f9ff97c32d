import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import { type Connectors, startConnectors } from "../../src/app.ts";
import type { Connector } from "../../src/connector/index.ts";
import type { AttemptEvent, DeliveryEvent } from "../../src/delivery/pipeline/events.ts";
import type { DeliveryRow, Ledger } from "../../src/ledger/ledger.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { CALLS_TOPIC, type Log } from "../../src/log/log.ts";
import { recordKey, toHeaders } from "../../src/model/envelope.ts";
import { type LoadedRoutes, loadRoutes } from "../../src/routes/index.ts";
import { until } from "../contracts/log.contract.ts";
import type { Sent, TestDestination } from "./destination.ts";

const logger = createLogger({ level: "silent" });

export async function held({ workers }: Connectors): Promise<void> {
  await until(() => workers.every((worker) => worker.status().partitions.length > 0));
}

export const keysOf = (sent: Sent[]) => sent.map(({ key }) => key).sort();

/** Sets up routes on engines that a test shares with others, and puts calls into their log. */
export function createBench(engines: () => { log: Log; ledger: Ledger }) {
  /** `{id}` in the text is this test's own, since all tests share log and ledger. */
  function setUp(options: { destination: TestDestination; routes?: string; destinations?: string; others?: Record<string, Connector> }) {
    const { destination, others = {} } = options;
    const id = randomUUID().slice(0, 8);
    /** Another edit of the same file. */
    function load(parts: { routes?: string; destinations?: string }): LoadedRoutes {
      const text = [
        "version: 1",
        "sources: { main: { allow_unsigned: true, test_when: 'call_id.startsWith(\"test_\")' } }",
        "destinations:",
        parts.destinations ?? "  there: { connector: test, timeout: 2s }",
        "routes:",
        parts.routes ?? "  - { id: '{id}', to: there }",
      ];
      return loadRoutes({
        path: "routes.yaml",
        text: `${text.join("\n")}\n`.replaceAll("{id}", id),
        env: {},
        connectors: { test: destination.connector, ...others },
        role: { kind: "all" },
      });
    }
    const routes = load(options);
    const events: DeliveryEvent[] = [];
    const attempts: AttemptEvent[] = [];

    async function start(given: { log?: Log; ledger?: Ledger; routes?: LoadedRoutes } = {}): Promise<Connectors> {
      const running = await startConnectors({
        routes: given.routes ?? routes,
        selected: (given.routes ?? routes).routes,
        log: given.log ?? engines().log,
        ledger: given.ledger ?? engines().ledger,
        logger,
        onEvent: (event) => events.push(event),
        onAttempt: (event) => attempts.push(event),
      });
      onTestFinished(() => running.stop({ graceMs: 0 }));
      return running;
    }

    const rows = async (route = id): Promise<DeliveryRow[]> => {
      const found = await engines().ledger.deliveries({ route, limit: 1_000 });
      return found.sort((a, b) => (a.callId < b.callId ? -1 : 1));
    };
    const states = async (route = id) => (await rows(route)).map(({ callId, state }) => `${callId} ${state}`);
    return { id, routes, load, events, attempts, start, rows, states };
  }

  /** Puts a call into the log as the ingress does, or did `ageMs` ago. */
  async function accept(callId: string, more: Record<string, unknown> = {}, ageMs = 0): Promise<void> {
    const value = Buffer.from(
      JSON.stringify({
        call_id: callId,
        from_number: "+14155550100",
        to_number: "+18005551234",
        agent_id: "agent_1",
        duration_seconds: 60,
        start_time: "2026-01-15T14:23:00Z",
        end_time: "2026-01-15T14:24:00Z",
        call_outcome: "answered",
        ...more,
      }),
    );
    const headers = toHeaders({ source: "main", acceptedAt: Date.now() - ageMs, requestId: randomUUID() });
    await engines().log.append({ topic: CALLS_TOPIC, key: recordKey("main", callId), value, headers });
  }

  const acceptAll = async (callIds: string[], more: Record<string, unknown> = {}) => {
    for (const callId of callIds) await accept(callId, more);
  };

  return { setUp, accept, acceptAll };
}
