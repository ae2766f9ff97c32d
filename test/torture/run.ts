/**
 * `npm run torture`: every bad day at full size, on both engines, against real processes; prints the table of docs/reliability.md.
 * `npm run torture -- kills|leaders|kafka|postgres|isolation|cost|backlog|idle|flood` runs some; `--small` the sizes of `npm test`;
 * `--each=40` lets each trouble of `isolation` last so many seconds (60). About an hour in all, and the ratios need a machine that does nothing else.
 */
import { cpus, totalmem } from "node:os";
import { FLOOD_KINDS } from "../support/flood.ts";
import { startKafka, startKafkaCluster, startOwnKafka } from "../support/kafka.ts";
import { startPostgres } from "../support/postgres.ts";
import { ackCoverage } from "./ack-coverage.ts";
import { backlog } from "./backlog.ts";
import { cost } from "./cost.ts";
import { EMBEDDED, kafkaEngine } from "./engines.ts";
import { flood } from "./flood.ts";
import { idle } from "./idle.ts";
import { isolation } from "./isolation.ts";
import { kills } from "./kills.ts";
import { leaderKills } from "./leader-kills.ts";
import { kafkaAway, postgresAway } from "./outages.ts";
import type { SceneEngine } from "./scene.ts";
import { formatRows, type TortureRow } from "./table.ts";

const small = process.argv.includes("--small");
const parts = process.argv.slice(2).filter((part) => !part.startsWith("-"));
const wanted = (part: string) => parts.length === 0 || parts.includes(part);
const eachSeconds = Number(process.argv.find((one) => one.startsWith("--each="))?.slice("--each=".length) ?? 60);
const rows: TortureRow[] = [];
const add = (row: TortureRow) => {
  rows.push(row);
  console.log(formatRows([row]).split("\n").at(-1));
};

const versions = process.versions;
console.log(
  `${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${versions.node}, SQLite ${versions.sqlite}; ${new Date().toISOString().slice(0, 10)}\n`,
);
const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
const engines: SceneEngine[] = [EMBEDDED];
if ("missing" in kafka) console.log(`no figures on Kafka: ${kafka.missing}`);
else if ("missing" in postgres) console.log(`no figures on PostgreSQL: ${postgres.missing}`);
else engines.push(kafkaEngine({ brokers: kafka.brokers, postgresUrl: postgres.url }));

for (const engine of engines) {
  if (wanted("kills")) add(await kills({ engine, count: small ? 10 : 100, ratePerSecond: 50 }));
  if (wanted("isolation"))
    add((await isolation({ engine, ratePerSecond: small ? 100 : 200, eachMs: small ? 4_000 : eachSeconds * 1000 })).row);
  if (wanted("cost")) add(await cost({ engine, ratePerSecond: small ? 50 : 200, forMs: small ? 10_000 : 60_000 }));
  if (wanted("backlog")) {
    for (const to of ["slack", "warehouse"] as const) add((await backlog({ engine, to, calls: small ? 50_000 : 1_000_000 })).row);
  }
  if (wanted("idle")) add(await idle({ engine, routes: 20, forMs: small ? 10_000 : 60_000 }));
}
if (wanted("flood")) {
  for (const connections of small ? [300] : [600, 1_500]) for (const kind of FLOOD_KINDS) add(await flood({ kind, connections }));
}
if (!("missing" in kafka) && !("missing" in postgres)) {
  const forMs = small ? 10_000 : 60_000;
  if (wanted("kafka")) {
    const own = await startOwnKafka();
    if (!("missing" in own)) {
      const engine = kafkaEngine({ brokers: own.address, postgresUrl: postgres.url });
      const away = { goAway: () => own.crash(), comeBack: async () => own.startAgain() };
      add(await kafkaAway({ engine, away, forMs, ratePerSecond: 50 }).then(({ row }) => row));
      await own.kill();
    }
  }
  const { goAway, comeBack } = postgres;
  if (wanted("postgres") && goAway && comeBack) {
    const engine = kafkaEngine({ brokers: kafka.brokers, postgresUrl: postgres.url });
    add(await postgresAway({ engine, away: { goAway, comeBack }, forMs, ratePerSecond: 50 }).then(({ row }) => row));
  }
}
if (wanted("leaders")) {
  const cluster = await startKafkaCluster();
  if (!("missing" in cluster)) {
    const count = small ? 2 : 10;
    add(await leaderKills({ cluster, count, ratePerSecond: 100 }));
    add(await ackCoverage({ cluster, kills: count, checked: true }));
    // Kept apart from the verdict: it is there to lose.
    rows.push({ ...(await ackCoverage({ cluster, kills: count, checked: false })), isComparison: true });
    await cluster.kill();
  }
}
console.log(`\n${formatRows(rows)}\n`);
for (const service of [kafka, postgres]) if (!("missing" in service)) await service.stop();
process.exitCode = rows.every(({ lost, doubled, whole, isComparison }) => isComparison || (lost === 0 && doubled === 0 && whole)) ? 0 : 1;
