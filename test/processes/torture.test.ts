import { describe, expect, inject, test, vi } from "vitest";
import { startOwnKafka } from "../support/kafka.ts";
import { startPostgres } from "../support/postgres.ts";
import { backlog } from "../torture/backlog.ts";
import { EMBEDDED, kafkaEngine } from "../torture/engines.ts";
import { isolation } from "../torture/isolation.ts";
import { kills } from "../torture/kills.ts";
import { kafkaAway, postgresAway } from "../torture/outages.ts";

// A machine that does ten things at once is slow, not wrong.
vi.setConfig({ testTimeout: 900_000 });

// The short forms of `npm run torture`: counts, order and states; ratios and times belong there, and so does what no engine has a part in
// beside what its contract proves: on Kafka a dead destination (the delivery contract has each of the five ways) and rows of a warehouse.
const kafka = inject("kafka");
const postgres = inject("postgres");
const missing = "missing" in kafka ? kafka.missing : "missing" in postgres ? postgres.missing : undefined;
const onKafka =
  missing === undefined && "brokers" in kafka && "url" in postgres
    ? kafkaEngine({ brokers: kafka.brokers, postgresUrl: postgres.url })
    : undefined;
const engines = [
  { name: "embedded", engine: EMBEDDED, killed: 8, calls: 20_000 },
  { name: `Kafka${missing === undefined ? "" : ` (SKIPPED: ${missing})`}`, engine: onKafka, killed: 4, calls: 10_000 },
];
const GOOD = { lost: 0, doubled: 0, whole: true, dead: 0 };

describe.each(engines)("on bad days, on $name,", ({ engine, killed, calls }) => {
  test.skipIf(!engine)("kill -9 of ingress, connectors and all at once loses no accepted call and doubles none", async () => {
    if (!engine) return;
    const row = await kills({ engine, count: killed, ratePerSecond: 30 });
    expect(row, row.note).toMatchObject(GOOD);
    // Slack has no key: claim and look-up protect, and are counted.
    expect(row.doubledWithoutKey).toBe(0);
    expect(row.accepted).toBeGreaterThan(100);
  });

  test.skipIf(!engine)("a backlog of thousands of calls is read to its end in bounded memory", async () => {
    if (!engine) return;
    const { row, peakMb } = await backlog({ engine, to: "slack", calls });
    expect(row).toMatchObject({ ...GOOD, doubledWithoutKey: 0 });
    expect(peakMb).toBeLessThan(300);
  });
});

describe("on bad days of a destination,", () => {
  test("dead in five ways, it costs others nothing and itself only time", async () => {
    const { row, heldUp } = await isolation({ engine: EMBEDDED, ratePerSecond: 20, eachMs: 1_500 });
    expect(row).toMatchObject({ ...GOOD, doubledWithoutKey: 0 });
    expect(heldUp).toBe(0);
  });

  test("a backlog of 10,000 calls becomes as many rows of a warehouse, in bounded memory", async () => {
    const { row, peakMb } = await backlog({ engine: EMBEDDED, to: "warehouse", calls: 10_000 });
    expect(row).toMatchObject({ ...GOOD, doubledWithoutKey: 0 });
    expect(peakMb).toBeLessThan(350);
  });
});

// Each has a service of its own to lose, and mostly waits for it.
describe.concurrent("on bad days of a service,", () => {
  test.skipIf(!onKafka)("Kafka away for 10 s: 503 at once, accepted again by itself, nothing lost", async () => {
    const own = await startOwnKafka();
    if ("missing" in own || "missing" in postgres) return;
    try {
      const engine = kafkaEngine({ brokers: own.address, postgresUrl: postgres.url });
      const away = { goAway: () => own.crash(), comeBack: async () => own.startAgain() };
      const { row, statuses } = await kafkaAway({ engine, away, forMs: 10_000, ratePerSecond: 30 });
      expect(row).toMatchObject(GOOD);
      expect(statuses.get(503) ?? 0).toBeGreaterThan(20);
      expect([...statuses.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    } finally {
      await own.kill();
    }
  });

  test.skipIf(!onKafka)("PostgreSQL away for 10 s: the ingress does not notice, routes stand and go on, nothing is lost", async () => {
    const own = await startPostgres();
    if ("missing" in own || "missing" in kafka) return;
    const { goAway, comeBack } = own;
    if (!goAway || !comeBack) return;
    try {
      const engine = kafkaEngine({ brokers: kafka.brokers, postgresUrl: own.url });
      const { row, statuses } = await postgresAway({ engine, away: { goAway, comeBack }, forMs: 10_000, ratePerSecond: 30 });
      expect(row).toMatchObject(GOOD);
      expect([...statuses.keys()]).toEqual([200]);
    } finally {
      await own.stop();
    }
  });
});
