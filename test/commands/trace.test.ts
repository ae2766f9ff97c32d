/**
 * The first test to read: it makes exactly the trip of one call (house plan §3), with the real parts, the embedded engines and a sandbox.
 * receive → verify → judge → append ‖ take → match → claim → map → send → settle → ack
 */
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { connectors } from "../../connectors/index.ts";
import { createSandbox } from "../../connectors/slack/sandbox/index.ts";
import { openLedger, openLog, startConnectors } from "../../src/app.ts";
import type { DeliveryEvent } from "../../src/delivery/pipeline/events.ts";
import { startIngress } from "../../src/ingress/index.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { readLag } from "../../src/views/lag.ts";

test("the documented example call travels from VoiceInfra's POST to a message in Slack", async () => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-trace-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const logger = createLogger({ level: "silent" });
  const sandbox = createSandbox();
  const slack = await serveSandbox({ sandbox });

  // One file says who may post, where calls go, which ones, and what may leave the house.
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
own_numbers: ["+18005551234"]
destinations:
  slack: { connector: slack, base_url: "\${BASE_URL}", token: "\${TOKEN}", rate: none }
routes:
  - { id: answered, to: slack, when: call_outcome == "answered", with: { channel: C0123456789 } }
  - { id: voicemail, to: slack, when: call_outcome == "voicemail", with: { channel: C0123456789 } }
`,
  );
  const { base_url: BASE_URL, token: TOKEN } = sandbox.settings({ url: slack.url, folder });
  const env = { SECRET: "patchbay-example-secret", BASE_URL, TOKEN };
  const routes = loadRoutes({ path: join(folder, "routes.yaml"), env, connectors, role: { kind: "all" } });

  const log = await openLog({ url: `sqlite:${folder}/log.db`, logger });
  const ledger = await openLedger({ url: `sqlite:${folder}/ledger.db` });
  const events: DeliveryEvent[] = [];
  const bothEnded = Promise.withResolvers<void>();
  const workers = await startConnectors({
    routes,
    selected: routes.routes,
    log,
    ledger,
    logger,
    onEvent(event) {
      events.push(event);
      if (events.length === 2) bothEnded.resolve();
    },
  });
  const ingress = await startIngress({ sources: routes.sources, log, logger, port: 0 });

  // receive → verify → judge → append → 200: the answer comes when the call is durable.
  const body = documentedExample();
  const signature = createHmac("sha256", "patchbay-example-secret").update(body).digest("hex");
  expect(signature).toBe("4227b30a07555f38f669b229cc7d7b855a76f72888cbcf4aab02877a85ec73fd");
  const response = await fetch(`${ingress.url}/webhooks/voiceinfra`, {
    method: "POST",
    headers: { "x-voiceinfra-signature": signature },
    body: new Uint8Array(body),
  });
  expect(response.status).toBe(200);
  const [message] = await log.read({ topic: CALLS_TOPIC, partition: 0, from: 0, limit: 10 });
  expect(message?.key).toBe("voiceinfra/call_01HXYZ123456");
  expect(Buffer.from(message?.value ?? []).equals(body)).toBe(true);

  // take → match: one route wants it, the other says why not. claim → map → send → settle: one message, with its receipt.
  await bothEnded.promise;
  expect(events.find(({ route }) => route === "voicemail")).toMatchObject({ kind: "skipped", callId: "call_01HXYZ123456" });
  const delivered = events.find(({ route }) => route === "answered");
  const [posted, ...others] = await sandbox.records();
  expect(others).toEqual([]);
  expect(posted?.key).toBe("voiceinfra/call_01HXYZ123456/answered");
  expect(delivered).toMatchObject({ kind: "delivered", receipt: { id: posted?.id } });
  const rows = await ledger.deliveries({ callId: "call_01HXYZ123456", limit: 10 });
  expect(rows.map(({ route, state }) => `${route} ${state}`).sort()).toEqual(["answered delivered", "voicemail skipped"]);

  // ack: once the workers have stopped, nothing is left to do on either route.
  await ingress.stop({ graceMs: 1_000 });
  await workers.stop({ graceMs: 1_000 });
  const lag = await readLag({ routes: routes.routes, log, ledger, nowMs: Date.now() });
  expect(lag.routes.map(({ route, lag: behind }) => [route, behind])).toEqual([
    ["answered", 0],
    ["voicemail", 0],
  ]);
  await Promise.all([log.close(), ledger.close(), slack.close()]);
});
