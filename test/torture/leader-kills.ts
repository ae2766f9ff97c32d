import { setTimeout as delay } from "node:timers/promises";
import { openLog } from "../../src/app.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { readTopic } from "../../src/log/pages.ts";
import { parseRecord } from "../../src/model/record.ts";
import type { KafkaCluster } from "../support/kafka/java-cluster.ts";
import { startLoad } from "./load.ts";
import { openScene } from "./scene.ts";
import type { TortureRow } from "./table.ts";

const PARTITIONS = 3;

/** Case 2: three brokers, and the leader of a partition is killed -9 while calls come in. Acknowledged must be stored. */
export async function leaderKills(options: { cluster: KafkaCluster; count: number; ratePerSecond: number }): Promise<TortureRow> {
  const { cluster, count, ratePerSecond } = options;
  const logUrl = `kafka://${cluster.addresses}?prefix=leader${Date.now()}.&partitions=${PARTITIONS}`;
  const topic = `${/prefix=([^&]*)/.exec(logUrl)?.[1]}${CALLS_TOPIC}`;
  const scene = await openScene({ engine: { name: "Kafka", logUrl: () => logUrl, ledgerUrl: (folder) => `sqlite:${folder}/ledger.db` } });
  const startedAtMs = performance.now();
  try {
    await scene.start("ingress");
    const load = startLoad({ url: scene.webhook, ratePerSecond });
    await delay(1_000);
    for (let n = 0; n < count; n += 1) {
      await cluster.inSync({ topic, withinMs: 60_000 });
      await delay(Math.random() * 500);
      const leader = await cluster.leaderOf({ topic, partition: n % PARTITIONS });
      await leader.crash();
      const accepted = load.accepted.size;
      // It goes on with the two that are left.
      const untilMs = performance.now() + 40_000;
      while (load.accepted.size < accepted + 20 && performance.now() < untilMs) await delay(50);
      leader.startAgain();
    }
    await cluster.inSync({ topic, withinMs: 60_000 });
    await load.stop();

    const log = await openLog({ url: logUrl, logger: createLogger({ level: "silent" }) });
    const stored: string[] = [];
    for await (const messages of readTopic({ log, topic: CALLS_TOPIC })) {
      for (const { value } of messages) {
        const parsed = parseRecord(value);
        if (parsed.ok) stored.push(parsed.record.call_id);
      }
    }
    await log.close();
    const there = new Set(stored);
    const lost = [...load.accepted].filter((callId) => !there.has(callId)).length;
    const others = [...load.statuses].filter(([status]) => status !== 200).map(([status, n]) => `${n} × ${status}`);
    return {
      name: `${count} leaders of three brokers killed -9`,
      engine: "Kafka",
      load: `${ratePerSecond}/s, a fifth twice`,
      faults: `${count} leader kills`,
      accepted: load.accepted.size,
      delivered: `stored ${there.size} calls in ${stored.length} records`,
      doubled: 0,
      doubledWithoutKey: 0,
      lost,
      whole: true,
      dead: 0,
      seconds: (performance.now() - startedAtMs) / 1000,
      note: `not 200: ${others.join(", ") || "none"}`,
    };
  } finally {
    await scene.close();
  }
}
