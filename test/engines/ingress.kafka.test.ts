import { randomUUID } from "node:crypto";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { post } from "../../src/commands/send.ts";
import { startIngress } from "../../src/ingress/index.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { Secret } from "../../src/lib/secret.ts";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { sampleCall } from "../../src/sandbox/calls.ts";

const kafka = inject("kafka");
const SECRET = "a-secret";

describe.skipIf("missing" in kafka)("an ingress on a real Kafka", () => {
  const brokers = "missing" in kafka ? "" : kafka.brokers;

  test("acknowledges the same bytes again, stores them once, and keeps the signature beside them", async () => {
    const log = await openKafkaLog({
      url: `kafka://${brokers}?prefix=i${randomUUID().slice(0, 8)}.&partitions=3`,
      onEvent: () => undefined,
    });
    const sources = [{ name: "voiceinfra", secrets: [new Secret(SECRET)], allowUnsigned: false }];
    const ingress = await startIngress({ sources, log, logger: createLogger({ level: "silent" }), port: 0 });
    onTestFinished(async () => {
      await ingress.stop({ graceMs: 0 });
      await log.close();
    });
    const url = `${ingress.url}/webhooks/voiceinfra`;
    const bodies = Array.from({ length: 5 }, (_, n) => Buffer.from(JSON.stringify({ ...sampleCall(n), call_id: `call-${n}` })));
    const repeated = async () =>
      Promise.all(
        bodies.map(async (body) => {
          const answer = await post({ url, secret: SECRET, body });
          return [answer.status, JSON.parse(answer.body).repeated];
        }),
      );
    expect(await repeated()).toEqual(bodies.map(() => [200, undefined]));
    expect(await repeated()).toEqual(bodies.map(() => [200, true]));
    const ranges = await log.ranges(CALLS_TOPIC);
    const pages = ranges.map(({ partition, low }) => log.read({ topic: CALLS_TOPIC, partition, from: low, limit: 100 }));
    const stored = (await Promise.all(pages)).flat();
    expect(stored.map(({ key }) => key).sort()).toEqual(bodies.map((_, n) => `voiceinfra/call-${n}`));
    for (const { headers } of stored) expect(headers.signature).toMatch(/^[0-9a-f]{64}$/);
  });
});
