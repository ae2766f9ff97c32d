import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openLedger, openLog, startConnectors } from "../../src/app.ts";
import { formatLag } from "../../src/commands/lag.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { CALLS_TOPIC, type Log } from "../../src/log/log.ts";
import { recordKey, toHeaders } from "../../src/model/envelope.ts";
import { createHealth } from "../../src/monitoring/health.ts";
import { startOps } from "../../src/monitoring/server.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { readLag } from "../../src/views/lag.ts";
import { until } from "../contracts/log.contract.ts";
import { testDestination } from "../delivery/destination.ts";

const logger = createLogger({ level: "silent" });

/** `through`: log and ledger as the ops port meets them. */
async function startWorker(through: (engines: { log: Log; ledger: Ledger }) => { log: Log; ledger: Ledger } = (engines) => engines) {
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
  const ops = await startOps({ port: 0, running, ...through({ log, ledger }) });
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
  return { log, ledger, destination, get, url: ops.url };
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
  const labels = 'route="to-there",connector="test"';
  expect(text).toContain(`patchbay_delivery_attempts_total{${labels},outcome="rejected"} 1\n`);
  expect(text).toContain(`patchbay_delivery_attempts_total{${labels},outcome="retry"} 1\n`);
  expect(text).toContain(`patchbay_delivery_attempt_seconds_count{${labels}} 2\n`);
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

/** What Kafka's client, or a PostgreSQL behind a firewall, does for 10 to 20 s; here for ever, so that an answer is one in time. */
const silent = () => new Promise<never>(() => undefined);
const SILENT_LOG = { committed: silent, ranges: silent, check: silent };
const SILENT_LEDGER = { counts: silent, workers: silent, controls: silent, routeStarts: silent, knownRoutes: silent, check: silent };
test("while the log does not answer, a scrape is answered all the same, with what the ledger knows", async () => {
  const { get } = await startWorker(({ log, ledger }) => ({ log: { ...log, ...SILENT_LOG }, ledger }));
  const { status, text } = await get("/metrics");
  expect(status).toBe(200);
  expect(text).toMatch(/^patchbay_log_up 0$/m);
  expect(text).toMatch(/^patchbay_ledger_up 1$/m);
  expect(text).toMatch(/^patchbay_route_dead_deliveries\{.*route="to-there".*\} 0$/m);
  expect(text).toMatch(/^patchbay_route_waiting_deliveries\{/m);
  expect(text).not.toMatch(/^patchbay_route_lag_messages\{/m);
});

test("while the ledger does not answer, a scrape has what the log knows; without both it still is one", async () => {
  const { get } = await startWorker(({ log, ledger }) => ({ log, ledger: { ...ledger, ...SILENT_LEDGER } }));
  const { text } = await get("/metrics");
  expect(text).toMatch(/^patchbay_log_up 1$/m);
  expect(text).toMatch(/^patchbay_ledger_up 0$/m);
  expect(text).toMatch(/^patchbay_route_lag_messages\{.*\} 0$/m);
  expect(text).not.toMatch(/^patchbay_route_dead_deliveries\{/m);
  const both = await startWorker(({ log, ledger }) => ({ log: { ...log, ...SILENT_LOG }, ledger: { ...ledger, ...SILENT_LEDGER } }));
  const none = await both.get("/metrics");
  expect(none).toMatchObject({ status: 200, text: expect.stringMatching(/patchbay_log_up 0\n.*patchbay_ledger_up 0\n/s) });
});

test("a question that has no answer yet is not asked again: probes do not queue up before a broker that is away", async () => {
  let asked = 0;
  const counting = () => {
    asked += 1;
    return silent();
  };
  const { get } = await startWorker(({ log, ledger }) => ({ log: { ...log, committed: counting, ranges: counting }, ledger }));
  for (let round = 0; round < 2; round += 1) await Promise.all([get("/metrics"), get("/metrics"), get("/readyz"), get("/readyz")]);
  expect(asked).toBe(2);
});

test("two scrapes at once each have every figure", async () => {
  const { get } = await startWorker();
  for (const { text } of await Promise.all(Array.from({ length: 6 }, () => get("/metrics"))))
    expect(text).toMatch(/^patchbay_route_lag_messages\{.*\} 0$/m);
});

test("/readyz says within seconds who does not answer", async () => {
  const { get } = await startWorker(({ log, ledger }) => ({ log: { ...log, ...SILENT_LOG }, ledger: { ...ledger, ...SILENT_LEDGER } }));
  const { status, text } = await get("/readyz");
  expect(status).toBe(503);
  expect(JSON.parse(text).reasons).toEqual([expect.stringMatching(/^log: no answer/), expect.stringMatching(/^ledger: no answer/)]);
});

describe("liveness", () => {
  const worker = (idleMs: () => number) => ({ route: { id: "to-there" }, idleMs }) as never;
  const healthOf = (options: { idleMs: () => number; log: Pick<Log, "ranges">; stuck?: string[] }) =>
    createHealth({
      running: { workers: [worker(options.idleMs)], stuck: () => options.stuck ?? [] },
      log: options.log,
      ledger: { check: async () => undefined },
    });
  const answers: Pick<Log, "ranges"> = { ranges: async () => [] };
  const fails: Pick<Log, "ranges"> = { ranges: () => Promise.reject(new Error("no broker")) };

  test("is not lost by the log's absence, however long: a restart would not bring it back", async () => {
    for (const log of [fails, { ranges: silent }]) {
      const { health } = healthOf({ idleMs: () => 3_600_000, log });
      expect(await health()).toEqual({ status: 200, body: { status: "ok" } });
    }
  });

  test("is kept for a while after the log is back, since groups are joined anew", async () => {
    let away = true;
    const { health } = healthOf({ idleMs: () => 90_000, log: { ranges: () => (away ? fails : answers).ranges(CALLS_TOPIC) } });
    expect((await health()).status).toBe(200);
    away = false;
    expect((await health()).status).toBe(200);
  });

  test("is lost where nothing moves though the log answers, and where a route has calls, delivers none and gives no cause", async () => {
    expect(await healthOf({ idleMs: () => 61_000, log: answers }).health()).toEqual({
      status: 503,
      body: { status: "stuck", routes: ["to-there"] },
    });
    expect(await healthOf({ idleMs: () => 0, log: answers, stuck: ["other"] }).health()).toEqual({
      status: 503,
      body: { status: "stuck", routes: ["other"] },
    });
    expect((await healthOf({ idleMs: () => 59_000, log: answers }).health()).status).toBe(200);
  });
});

test("a probe of HTTP/1.0 without a Host is answered, as HAProxy sends it", async () => {
  const { url } = await startWorker();
  const { port } = new URL(url);
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    const socket = connect(Number(port), "127.0.0.1").end(`GET ${path} HTTP/1.0\r\n\r\n`);
    let answer = "";
    for await (const chunk of socket.setEncoding("utf8")) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1\.[01] 200 /);
  }
});

test("calls that routes.yaml says too little of show in its metrics and in lag, without a number", async () => {
  const { log, ledger, get } = await startWorker();
  const headers = toHeaders({ source: "voiceinfra", acceptedAt: Date.now(), requestId: "r" });
  const call = { ...JSON.parse(documentedExample().toString()), agent_id: "agent_new" };
  await log.append({ topic: CALLS_TOPIC, key: recordKey("voiceinfra", call.call_id), value: Buffer.from(JSON.stringify(call)), headers });
  await until(async () => (await get("/metrics")).text.includes("patchbay_unknown_side_calls 1"));
  const { text } = await get("/metrics");
  expect(text).toContain('patchbay_unknown_agent_calls{agent_id="agent_new"} 1');
  expect(text).not.toContain("4155550");
  await until(async () => (await ledger.workers()).some(({ unknown }) => unknown?.sides === 1));
  const report = await readLag({ routes: [], log, ledger, nowMs: Date.now() });
  expect(report.unknown).toEqual({ agents: { agent_new: 1 }, sides: 1 });
  const shown = formatLag(report);
  expect(shown).toContain("Which side is the customer is not known of 1 call: put your lines under own_numbers");
  expect(shown).toContain("Agents that are not under agents: agent_new (1 call).");
  expect(shown).not.toContain("4155550");
});
