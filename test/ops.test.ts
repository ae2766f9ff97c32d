import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openLedger, openLog, startConnectors } from "../src/app.ts";
import { formatLag } from "../src/commands/lag.ts";
import { readLag } from "../src/delivery/lag.ts";
import { createLogger } from "../src/lib/logger.ts";
import { CALLS_TOPIC } from "../src/log/log.ts";
import { recordKey, toHeaders } from "../src/model/envelope.ts";
import { startOps } from "../src/ops/server.ts";
import { loadRoutes } from "../src/routes/index.ts";
import { documentedExample } from "../src/sandbox/calls.ts";
import { testDestination } from "./delivery/destination.ts";
import { until } from "./log.contract.ts";

const logger = createLogger({ level: "silent" });

async function startWorker() {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-ops-"));
  const destination = testDestination();
  const text = `version: 1
sources: { voiceinfra: { allow_unsigned: true } }
destinations: { there: { connector: test } }
agents: { sales: { id: agent_abc123 } }
routes: [{ id: to-there, to: there }]`;
  const connectors = { test: destination.connector };
  const routes = loadRoutes({ path: "routes.yaml", text, env: {}, connectors, role: { kind: "all" } });
  const log = await openLog({ url: `sqlite:${folder}/log.db`, logger });
  const ledger = await openLedger({ url: `sqlite:${folder}/ledger.db` });
  const running = await startConnectors({ routes, selected: routes.routes, log, ledger, logger });
  const ops = await startOps({ port: 0, running, log, ledger });
  onTestFinished(async () => {
    await ops.stop();
    await running.stop({ graceMs: 0 });
    await Promise.all([log.close(), ledger.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  const get = async (path: string, method = "GET") => {
    const response = await fetch(`${ops.url}${path}`, { method });
    return { status: response.status, text: await response.text() };
  };
  return { log, ledger, destination, get };
}

test("a worker tells its health, and that it is ready", async () => {
  const { get } = await startWorker();
  expect(await get("/healthz")).toEqual({ status: 200, text: '{"status":"ok"}' });
  expect(await get("/readyz")).toEqual({ status: 200, text: '{"status":"ready"}' });
  expect((await get("/healthz", "HEAD")).text).toBe("");
  expect((await get("/")).status).toBe(404);
  expect((await get("/metrics", "POST")).status).toBe(405);
});

test("its metrics show lag, waiting and dead per route, and nothing of a call", async () => {
  const { log, destination, get } = await startWorker();
  const headers = toHeaders({ source: "voiceinfra", acceptedAt: Date.now(), requestId: "r" });
  destination.answers(({ key }) =>
    key === "voiceinfra/a"
      ? { kind: "rejected", code: "400", reason: "no" }
      : { kind: "retry", because: "record", code: "423", reason: "locked", retryAfterMs: 60_000 },
  );
  for (const callId of ["a", "b"]) {
    const value = Buffer.from(documentedExample().toString().replace("call_01HXYZ123456", callId));
    await log.append({ topic: CALLS_TOPIC, key: recordKey("voiceinfra", callId), value, headers });
  }
  await until(async () => {
    const { text } = await get("/metrics");
    return [
      /^patchbay_route_lag_messages\{.*route="to-there".*\} 0$/m,
      /^patchbay_route_waiting_deliveries\{.*\} 1$/m,
      /^patchbay_route_dead_deliveries\{.*\} 1$/m,
    ].every((line) => line.test(text));
  });
  const { text } = await get("/metrics");
  expect(text).not.toMatch(/\+1415|\+1800|appointment/);
});

test("it is not ready while the ledger is away, and says so", async () => {
  const { ledger, get } = await startWorker();
  await ledger.close();
  const { status, text } = await get("/readyz");
  expect(status).toBe(503);
  expect(JSON.parse(text)).toMatchObject({ status: "not ready", reasons: [expect.stringMatching(/^ledger: /)] });
});

test("while the log is away its metrics still answer, say so, and show no old figures", async () => {
  const { log, get } = await startWorker();
  expect((await get("/metrics")).text).toMatch(/^patchbay_log_up 1$/m);
  await log.close();
  const { text } = await get("/metrics");
  expect(text).toMatch(/^patchbay_log_up 0$/m);
  expect(text).not.toMatch(/^patchbay_route_lag_messages\{/m);
});

test("calls that routes.yaml says too little of show in its metrics and in lag, without a number", async () => {
  const { log, ledger, get } = await startWorker();
  const headers = toHeaders({ source: "voiceinfra", acceptedAt: Date.now(), requestId: "r" });
  const call = { ...JSON.parse(documentedExample().toString()), agent_id: "agent_new" };
  await log.append({ topic: CALLS_TOPIC, key: recordKey("voiceinfra", call.call_id), value: Buffer.from(JSON.stringify(call)), headers });
  await until(async () => (await get("/metrics")).text.includes("patchbay_unknown_side_calls 1"));
  const { text } = await get("/metrics");
  expect(text).toContain('patchbay_unknown_agent_calls{agent_id="agent_new"} 1');
  expect(text).not.toContain("555");
  await until(async () => (await ledger.workers()).some(({ unknown }) => unknown?.sides === 1));
  const report = await readLag({ routes: [], log, ledger, nowMs: Date.now() });
  expect(report.unknown).toEqual({ agents: { agent_new: 1 }, sides: 1 });
  const shown = formatLag(report);
  expect(shown).toContain("Which side is the customer is not known of 1 call: put your lines under own_numbers");
  expect(shown).toContain("Agents that are not under agents: agent_new (1 call).");
  expect(shown).not.toContain("555");
});
