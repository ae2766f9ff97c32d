import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createSandbox } from "../../connectors/slack/sandbox/index.ts";
import { post } from "../../src/commands/send.ts";
import { sampleCall } from "../../src/sandbox/calls.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { startOwnKafka } from "../support/kafka.ts";
import { startPatchbay } from "../support/patchbay-process.ts";

const broker = await startOwnKafka();
const reason = "missing" in broker ? ` (SKIPPED: ${broker.missing})` : "";
const SECRET = "kafka-away-secret";

test.skipIf("missing" in broker)(
  `Kafka killed and started again: refused calls are told so, accepted ones arrive once, and every process goes on by itself${reason}`,
  async () => {
    if ("missing" in broker) return;
    const folder = mkdtempSync(join(tmpdir(), "patchbay-away-"));
    const sandbox = createSandbox({ limits: false });
    const slack = await serveSandbox({ sandbox });
    const { base_url: baseUrl, token } = sandbox.settings({ url: slack.url, folder });
    writeFileSync(
      join(folder, "routes.yaml"),
      `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { slack: { connector: slack, base_url: "${baseUrl}", token: "${token}", rate: none } }
routes: [{ id: to-slack, to: slack, with: { channel: C0123456789 } }]
`,
    );
    // A ledger of its own, which does not go away with Kafka.
    const env = { SECRET, PATCHBAY_LOG: `kafka://${broker.address}?partitions=3`, PATCHBAY_LEDGER: `sqlite:${folder}/ledger.db` };
    const ingress = startPatchbay({ args: ["ingress", "--port", "0"], env, cwd: folder });
    const connector = startPatchbay({ args: ["connector", "slack", "--ops-port", "0"], env, cwd: folder });
    onTestFinished(async () => {
      await Promise.all([ingress.end("SIGKILL"), connector.end("SIGKILL")]);
      await slack.close();
      await broker.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    const url = `${(await ingress.logged("ingress listens")).url}/webhooks/voiceinfra`;
    await connector.logged("connector runs");

    const accepted = new Set<string>();
    const statuses = new Set<number>();
    let index = 0;
    async function send(): Promise<number> {
      const call = sampleCall(index);
      index += 1;
      const { status } = await post({ url, secret: SECRET, body: Buffer.from(JSON.stringify(call)) });
      statuses.add(status);
      if (status === 200) accepted.add(String(call.call_id));
      return status;
    }
    const sendAll = async (count: number) => {
      await Promise.all(Array.from({ length: count }, send));
    };
    async function sendUntil(wanted: number): Promise<void> {
      while ((await send()) !== wanted) await delay(100);
    }

    await sendAll(50);
    await broker.crash();
    await sendUntil(503);
    await sendAll(20);
    broker.startAgain();
    await sendUntil(200);
    await sendAll(50);

    const keys = async () => (await sandbox.records()).map(({ key }) => key);
    const missing = async () => {
      const there = new Set(await keys());
      return [...accepted].filter((callId) => !there.has(`voiceinfra/${callId}/to-slack`));
    };
    await expect.poll(missing).toEqual([]);
    // A refused call may have been stored all the same, its answer lost with the broker: VoiceInfra sends it again, and it is the same call.
    expect(new Set(await keys()).size).toBe((await keys()).length);
    expect([...statuses].sort()).toEqual([200, 503]);
    expect(accepted.size).toBeGreaterThan(90);
    expect(await Promise.all([ingress.end(), connector.end()])).toEqual([0, 0]);
  },
);
