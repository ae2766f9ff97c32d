import { describe, expect, onTestFinished, test } from "vitest";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { record, takeAll, until, untilHeld } from "../contracts/log.contract.ts";
import { startOwnKafka, untilKafkaAnswers } from "../support/kafka.ts";

const broker = await startOwnKafka();
const reason = "missing" in broker ? ` (SKIPPED: ${broker.missing})` : "";

describe.skipIf("missing" in broker)(`while Kafka is away${reason}`, () => {
  test("a question ends within the time that its asker has, saying why; a member says so, and is no reason for a restart", {
    timeout: 180_000,
  }, async () => {
    if ("missing" in broker) return;
    onTestFinished(() => broker.kill());
    const log = await openKafkaLog({ url: `kafka://${broker.address}?partitions=2`, onEvent: () => undefined });
    onTestFinished(() => log.close());
    const group = "patchbay.away";
    const subscription = await log.subscribe({ topic: CALLS_TOPIC, group, start: [] });
    await untilHeld(subscription);
    await log.append(record("before"));
    await takeAll(subscription, 1, { ack: true });
    expect(subscription.status().away).toBe(false);
    await broker.crash();

    const unhurried = log.ranges(CALLS_TOPIC).catch(() => "the engine's own time");
    const questions = [log.ranges(CALLS_TOPIC, { withinMs: 1_500 }), log.committed({ group, topic: CALLS_TOPIC, withinMs: 1_500 })];
    for (const question of questions)
      expect(await Promise.race([unhurried, question.catch((error: unknown) => error)])).toMatchObject({
        name: "LogUnavailableError",
        exitCode: 3,
        message: expect.stringMatching(/^Kafka at \S+ (does not answer|closes the connection)/),
      });
    await unhurried;

    await until(() => subscription.status().away === true, { withinMs: 60_000 });
    const { aliveAt } = subscription.status();
    await until(() => subscription.status().aliveAt > aliveAt, { withinMs: 60_000 });
    expect(subscription.status().away).toBe(true);

    broker.startAgain();
    await untilKafkaAnswers(broker);
    await until(() => subscription.status().away === false, { withinMs: 60_000 });
    await log.append(record("after"));
    await takeAll(subscription, 1, { ack: true });
    await subscription.stop({ graceMs: 0 });
  });
});
