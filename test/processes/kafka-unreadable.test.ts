import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createSandbox } from "../../connectors/slack/sandbox/index.ts";
import { post } from "../../src/commands/send.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { sampleCall } from "../../src/sandbox/calls.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import type { LagReport } from "../../src/views/lag.ts";
import { ALTER, alterBatch } from "../support/kafka/segment.ts";
import { startOwnKafka, untilKafkaAnswers } from "../support/kafka.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const broker = await startOwnKafka();
const reason = "missing" in broker ? ` (SKIPPED: ${broker.missing})` : "";
const SECRET = "kafka-unreadable-secret";
const CALLS = 10;
const BAD = 4;

test.skipIf("missing" in broker)(
  `a record that the broker's disk has altered: all others arrive, lag and audit say which is missing, and a person accepts it${reason}`,
  async () => {
    if ("missing" in broker) return;
    const folder = mkdtempSync(join(tmpdir(), "patchbay-unreadable-"));
    const sandbox = createSandbox({ limits: false });
    const slack = await serveSandbox({ sandbox });
    const { base_url: baseUrl, token } = sandbox.settings({ url: slack.url, folder });
    writeFileSync(
      join(folder, "routes.yaml"),
      `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { slack: { connector: slack, base_url: "${baseUrl}", token: "${token}", rate: none } }
routes: [{ id: to-slack, to: slack, start: beginning, with: { channel: C0123456789 } }]
`,
    );
    const env = {
      SECRET,
      PATCHBAY_USER: "ann",
      PATCHBAY_LOG: `kafka://${broker.address}?partitions=1`,
      PATCHBAY_LEDGER: `sqlite:${folder}/ledger.db`,
    };
    const run = (...args: string[]) => runPatchbay({ args, env, cwd: folder });
    onTestFinished(async () => {
      await slack.close();
      await broker.kill();
      rmSync(folder, { recursive: true, force: true });
    });

    const ingress = startPatchbay({ args: ["ingress", "--port", "0"], env, cwd: folder });
    onTestFinished(() => void ingress.end("SIGKILL"));
    const url = `${(await ingress.logged("ingress listens")).url}/webhooks/voiceinfra`;
    const ids: string[] = [];
    for (let index = 0; index < CALLS; index += 1) {
      const call = sampleCall(index);
      // One after the other: each lies in a batch of its own.
      const { status } = await post({ url, secret: SECRET, body: Buffer.from(JSON.stringify(call)) });
      expect(status).toBe(200);
      ids.push(String(call.call_id));
    }
    expect(await ingress.end()).toBe(0);
    await broker.stop();
    alterBatch({ dataFolder: broker.dataFolder, topic: CALLS_TOPIC, partition: 0, offset: BAD, alter: ALTER.oneByte, signed: false });
    broker.startAgain();
    await untilKafkaAnswers(broker);

    const connector = startPatchbay({ args: ["connector", "slack", "--ops-port", "0"], env, cwd: folder });
    onTestFinished(() => void connector.end("SIGKILL"));
    const keys = async () => (await sandbox.records()).map(({ key }) => key).sort();
    const wanted = ids.filter((_, index) => index !== BAD).map((id) => `voiceinfra/${id}/to-slack`);
    await expect.poll(keys).toEqual([...wanted].sort());
    const lag = async (): Promise<LagReport> => JSON.parse((await run("lag", "--json")).stdout);
    await expect.poll(async () => (await lag()).routes.map((route) => route.lag), { interval: 1_000 }).toEqual([0]);
    const [route] = (await lag()).routes;
    expect(route?.lost).toMatchObject([
      { partition: 0, from: BAD, to: BAD + 1, kind: "unreadable", reason: "its checksum (CRC-32C) is wrong" },
    ]);
    expect((await run("lag")).stdout).toContain(
      `to-slack has lost a call: 1 that cannot be read (partition 0: ${BAD}): its checksum (CRC-32C) is wrong. Once you know of it: patchbay accept-loss to-slack --reason`,
    );

    const before = await run("audit", "--json");
    expect(before.code).toBe(1);
    expect(JSON.parse(before.stdout).routes).toMatchObject([
      { records: CALLS - 1, delivered: CALLS - 1, gaps: 0, unreadable: 1, lossAccepted: 0, lostToRetention: 0 },
    ]);
    const words = await run("audit");
    expect(words.stdout).toMatch(/UNREADABLE[\s\S]*patchbay accept-loss to-slack --reason[\s\S]*NOT whole/);

    expect(await run("accept-loss", "to-slack")).toMatchObject({ code: 2, stderr: expect.stringContaining("--reason") });
    const accepted = await run("accept-loss", "to-slack", "--reason", "the sender has sent it again");
    expect(accepted).toMatchObject({ code: 0, stdout: `to-slack: 1 call is accepted as lost (partition 0: ${BAD}).\n` });
    const after = await run("audit", "--json");
    expect(after.code).toBe(0);
    expect(JSON.parse(after.stdout).routes).toMatchObject([{ unreadable: 1, lossAccepted: 1 }]);
    expect((await lag()).routes[0]?.lost).toEqual([]);
    expect((await run("actions")).stdout).toMatch(/ann\s+\S+\s+accept-loss\s+to-slack\s+the sender has sent it again \(0:4-4\)/);

    // Other commands that read the log say so, too, and go on.
    const replay = await run("replay", "--route", "to-slack", "--since", "2d", "--again");
    expect(replay.stderr).toMatch(/has records that cannot be read, 4 to 4: its checksum/);
    expect(replay.code).toBe(0);
    expect(await connector.end()).toBe(0);
  },
);
