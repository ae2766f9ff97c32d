import { expect, test } from "vitest";
import { startKafkaCluster } from "../support/kafka.ts";
import { leaderKills } from "../torture/leader-kills.ts";

const cluster = await startKafkaCluster();
const reason = "missing" in cluster ? ` (SKIPPED: ${cluster.missing})` : "";

test.skipIf("missing" in cluster)(
  `three brokers, a partition's leader killed -9 while calls come in: what was answered 200 is stored${reason}`,
  async () => {
    if ("missing" in cluster) return;
    try {
      const row = await leaderKills({ cluster, count: 2, ratePerSecond: 100 });
      expect(row.lost).toBe(0);
      expect(row.accepted).toBeGreaterThan(200);
      expect(row.note).not.toMatch(/× (4\d\d|500)/);
    } finally {
      await cluster.kill();
    }
  },
);
