/**
 * `node bench/connectors/salesforce.ts`: how near the connector comes to what Salesforce allows, through its sandbox with the limits on.
 * Salesforce names no rate: it allows 200 records in a request, and so many requests in 24 hours. The ceiling is therefore full requests, as many
 * at once as the connector has (2); the figures are what of each request is used, and what of the time two requests are under way.
 * First through the real sender (`src/delivery/pipeline/batch-sender.ts`), which never waits for a call to send; then through all of the product, log to ledger.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { salesforce } from "../../connectors/salesforce/index.ts";
import { createSandbox } from "../../connectors/salesforce/sandbox/index.ts";
import { recordId } from "../../connectors/salesforce/sandbox/people.ts";
import { openLedger, openLog, startConnectors } from "../../src/app.ts";
import type { Connector, Delivery } from "../../src/connector/index.ts";
import { createBatchSender } from "../../src/delivery/pipeline/batch-sender.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { systemClock } from "../../src/lib/time/clock.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { benchCall } from "../call.ts";
import { printFigure, printMachine } from "../report.ts";

/** A made-up time for 200 Tasks: an org's triggers take as long or longer. */
const LATENCY_MS = 1_000;
const CALLS = 8_000;
const CUSTOMERS = 500;
const { maxCalls, concurrency } = salesforce.batch;
const IDEAL_PER_SECOND = (maxCalls * concurrency * 1000) / LATENCY_MS;

/** An Enterprise Edition's daily requests; every customer is a Contact. */
async function startOrg() {
  const people = Array.from({ length: CUSTOMERS }, (_, index) => ({
    kind: "Contact" as const,
    Id: recordId("003", index + 1),
    Name: `Customer ${index}`,
    Phone: `(415) 556-${String(1000 + index)}`,
    OwnerId: recordId("005", 1),
    LastModifiedDate: "2025-01-10T09:00:00.000+0000",
  }));
  const sandbox = createSandbox({ limits: true, latencyMs: LATENCY_MS, dailyRequests: 100_000, people });
  const served = await serveSandbox({ sandbox });
  const since = () => {
    const from = sandbox.requests.length;
    return () => {
      const requests = sandbox.requests.slice(from);
      return { all: requests.length, upserts: requests.filter((one) => one.startsWith("PATCH")).length };
    };
  };
  return { sandbox, served, since };
}

function deliveryOf(index: number): Delivery<Record<string, unknown>> {
  const customer_number = `+1415556${String(1000 + (index % CUSTOMERS))}`;
  const call = {
    ...JSON.parse(documentedExample().toString()),
    call_id: `bench_${index}`,
    source: "voiceinfra",
    agent: "sales",
    agent_name: "Sales line",
    agent_owner: "sales@example.com",
    direction: "inbound",
    from_number: customer_number,
    customer_number,
    test: false,
  };
  const key = `voiceinfra/${call.call_id}`;
  return { key, call, with: salesforce.with.parse({}), previous: undefined, sinceAcceptedMs: 0, related: undefined };
}

async function benchSender(): Promise<void> {
  const { sandbox, served, since } = await startOrg();
  const settings = salesforce.settings.parse(sandbox.settings({ url: served.url, folder: "" }));
  const open = (await salesforce.open({ settings, timezone: "UTC", timeoutMs: 15_000 })) as Awaited<ReturnType<Connector["open"]>>;
  const sender = createBatchSender({
    connector: salesforce as unknown as Connector,
    handle: { get: async () => ({ open }), reopen: () => undefined, close: async () => undefined },
    timeoutMs: 15_000,
    clock: systemClock,
  });
  let next = 0;
  /** As many on their way as a worker allows: each that ends makes room for one. */
  async function send(until: number): Promise<void> {
    const one = async () => {
      while (next < until) {
        const sent = await sender.send({ delivery: deliveryOf(next++), alone: false, isAllowed: () => true });
        if (sent?.outcome.kind !== "delivered") throw new Error(`not delivered: ${JSON.stringify(sent)}`);
      }
    };
    await Promise.all(Array.from({ length: maxCalls * concurrency }, one));
  }

  const cold = since();
  await send(1_000);
  printFigure(`cold: API requests for 1,000 calls of ${CUSTOMERS} customers`, String(cold().all), "floor 5");
  const warm = since();
  await send(2_000);
  const used = warm().all;
  printFigure("warm: API requests for 1,000 calls", `${used} = ${(used / 5).toFixed(2)}× the floor`, "≤ 1.2× of 5");

  const load = since();
  const cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  await send(2_000 + CALLS);
  const perSecond = CALLS / ((performance.now() - startedAtMs) / 1000);
  const full = CALLS / (load().upserts * maxCalls);
  printFigure(`sender, ${CALLS} calls, ${LATENCY_MS} ms an answer: records per request`, `${(full * 100).toFixed(1)} % of 200`, "≥ 95 %");
  printFigure("sender: calls/s, as a share of two full requests at once", shareOf(perSecond), "≥ 95 %");
  printCpu("sender and sandbox", cpuBefore);
  await open.close();
  await served.close();
}

async function benchProduct(): Promise<void> {
  const { sandbox, served, since } = await startOrg();
  const folder = mkdtempSync(join(tmpdir(), "patchbay-bench-"));
  const logger = createLogger({ level: "error" });
  const path = join(folder, "routes.yaml");
  const { login_url, client_id, client_secret } = sandbox.settings({ url: served.url, folder: "" });
  const text = `version: 1
sources: { voiceinfra: { secrets: ["s"] } }
destinations: { crm: { connector: salesforce, login_url: "${login_url}", client_id: "${client_id}", client_secret: "\${CLIENT_SECRET}" } }
routes: [{ id: log-calls, to: crm, start: beginning }]
`;
  writeFileSync(path, text);
  const log = await openLog({ url: `sqlite:${folder}/log.db`, logger });
  for (let from = 0; from < CALLS; from += 500) {
    const some = Array.from({ length: 500 }, (_, i) => `bench_${from + i}`);
    const headers = { source: "voiceinfra", accepted_at: String(Date.now()), format: "1" };
    await Promise.all(some.map((id) => log.append({ topic: CALLS_TOPIC, key: `voiceinfra/${id}`, value: benchCall(id), headers })));
  }
  const ledger = await openLedger({ url: `sqlite:${folder}/ledger.db` });
  const connectors = { salesforce: salesforce as unknown as Connector };
  const routes = loadRoutes({ path, env: { CLIENT_SECRET: client_secret }, connectors, role: { kind: "all" } });
  const done = Promise.withResolvers<void>();
  const endedAtMs: number[] = [];
  const load = since();
  const cpuBefore = process.cpuUsage();
  const running = await startConnectors({
    routes,
    selected: routes.routes,
    log,
    ledger,
    logger,
    onEvent(event) {
      if (event.kind !== "delivered") return;
      endedAtMs.push(performance.now());
      if (endedAtMs.length === CALLS) done.resolve();
    },
  });
  await done.promise;
  const full = CALLS / (load().upserts * maxCalls);
  const perSecond = (CALLS - maxCalls) / (((endedAtMs.at(-1) ?? 0) - (endedAtMs[maxCalls - 1] ?? 0)) / 1000);
  printFigure(`product, a backlog of ${CALLS} calls: records per request`, `${(full * 100).toFixed(1)} % of 200`, "≥ 95 %");
  printFigure("product: calls/s, as a share of two full requests at once", shareOf(perSecond), "≥ 95 %");
  printCpu("product and sandbox", cpuBefore);
  await running.stop({ graceMs: 10_000 });
  await log.close();
  await ledger.close();
  await served.close();
  rmSync(folder, { recursive: true, force: true });
}

/** On a machine that does other things at once, this is the figure that stays. */
function printCpu(what: string, before: NodeJS.CpuUsage): void {
  const { user, system } = process.cpuUsage(before);
  printFigure(`${what}: CPU for 1,000 calls`, `${((user + system) / 1000 / (CALLS / 1000)).toFixed(0)} ms`);
}

function shareOf(perSecond: number): string {
  return `${perSecond.toFixed(0)}/s = ${((perSecond / IDEAL_PER_SECOND) * 100).toFixed(1)} % of ${IDEAL_PER_SECOND}/s`;
}

printMachine();
await benchSender();
await benchProduct();
