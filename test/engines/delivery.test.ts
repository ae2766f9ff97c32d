import { randomUUID } from "node:crypto";
import pg from "pg";
import { beforeAll, describe, inject } from "vitest";
import { openPostgresLedger } from "../../src/ledger/postgres/index.ts";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import { describeWhereabouts } from "../contracts/call-states.contract.ts";
import { type DeliveryHarness, describeDelivery } from "../contracts/delivery.contract.ts";
import { describeAfter } from "../contracts/delivery-after.contract.ts";
import { describeBadDays } from "../contracts/delivery-bad-days.contract.ts";

const kafka = inject("kafka");
const postgres = inject("postgres");

describe.skipIf("missing" in kafka || "missing" in postgres)("on a real Kafka and a real PostgreSQL", () => {
  const id = randomUUID().slice(0, 8);
  const brokers = "missing" in kafka ? "" : kafka.brokers;
  const admin = "missing" in postgres ? "" : postgres.url;
  const ledgerUrl = () => {
    const url = new URL(admin);
    url.pathname = `/delivery_${id}`;
    return url.href;
  };
  beforeAll(async () => {
    const client = new pg.Client({ connectionString: admin });
    await client.connect();
    await client.query(`CREATE DATABASE delivery_${id}`);
    await client.end();
  });

  const harness: DeliveryHarness = {
    name: "Kafka and PostgreSQL",
    openLog: () => openKafkaLog({ url: `kafka://${brokers}?prefix=d${id}.&partitions=4`, onEvent: () => undefined }),
    openLedger: () => openPostgresLedger({ url: ledgerUrl() }),
    remove: async () => undefined,
    shares: true,
  };
  describeDelivery(harness);
  describeBadDays(harness);
  describeAfter(harness);
  describeWhereabouts(harness);
});
