import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, onTestFinished, test } from "vitest";
import { createSandbox } from "../../connectors/slack/sandbox/index.ts";
import { post } from "../../src/commands/send.ts";
import { Kafka, logLevel } from "../../src/log/kafka/driver/load.ts";
import { sampleCall } from "../../src/sandbox/calls.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const kafka = inject("kafka");
const reason = "missing" in kafka ? ` (SKIPPED: ${kafka.missing})` : "";
const SECRET = "kafka-partitions-secret";
const PREFIX = `pp${process.pid}.`;
const CALLS = 60;

test.skipIf("missing" in kafka)(
  `partitions raised between two versions of 60 calls, following our own hint: every late summary arrives, and audit is whole${reason}`,
  async () => {
    if ("missing" in kafka) return;
    const folder = mkdtempSync(join(tmpdir(), "patchbay-partitions-"));
    const sandbox = createSandbox({ limits: false });
    const slack = await serveSandbox({ sandbox });
    onTestFinished(async () => {
      await slack.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const { base_url: baseUrl, token } = sandbox.settings({ url: slack.url, folder });
    writeFileSync(
      join(folder, "routes.yaml"),
      `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { slack: { connector: slack, base_url: "${baseUrl}", token: "${token}", rate: none } }
routes: [{ id: to-slack, to: slack, with: { channel: C0123456789, text: "{{ call_id }}: {{ summary | default: 'no summary' }}" } }]
`,
    );
    const env = (partitions: number) => ({
      SECRET,
      PATCHBAY_LOG: `kafka://${kafka.brokers}?prefix=${PREFIX}&partitions=${partitions}`,
      PATCHBAY_LEDGER: `sqlite:${folder}/ledger.db`,
    });
    const start = (partitions: number) => {
      const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env: env(partitions), cwd: folder });
      onTestFinished(() => void up.end("SIGKILL"));
      return up;
    };
    const calls = Array.from({ length: CALLS }, (_, index) => sampleCall(index));
    /** Calls whose message has these words. */
    const countWith = async (words: string) => {
      const records = await sandbox.records();
      return new Set(records.filter(({ body }) => JSON.stringify(body).includes(words)).map(({ key }) => key)).size;
    };
    async function sendAll(url: string, summary: string): Promise<void> {
      const bodies = calls.map((call) => Buffer.from(JSON.stringify({ ...call, summary })));
      const answers = await Promise.all(bodies.map((body) => post({ url, secret: SECRET, body })));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    }

    const first = start(4);
    await sendAll(`${(await first.logged("up")).url}/webhooks/voiceinfra`, "");
    await expect.poll(() => countWith("no summary")).toBe(CALLS);
    expect(await first.end()).toBe(0);

    const admin = new Kafka({ brokers: kafka.brokers.split(","), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic: `${PREFIX}patchbay.calls`, count: 8 }] });
    await admin.disconnect();
    const refused = await runPatchbay({ args: ["ingress", "--port", "0"], env: env(4), cwd: folder });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("Say partitions=8 in the log's URL") });

    const second = start(8);
    await sendAll(`${(await second.logged("up")).url}/webhooks/voiceinfra`, "the late summary");
    await expect.poll(() => countWith("the late summary")).toBe(CALLS);
    const audit = await runPatchbay({ args: ["audit", "--json"], env: env(8), cwd: folder });
    expect(audit.code).toBe(0);
    expect(JSON.parse(audit.stdout).routes).toMatchObject([{ records: 2 * CALLS, delivered: CALLS, superseded: CALLS, gaps: 0 }]);
    expect(await second.end()).toBe(0);
  },
);
