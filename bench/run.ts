/**
 * `npm run bench`: every figure of the README, once, on loopback, with a real Kafka and a real PostgreSQL.
 * `npm run bench -- ingress|latency|drain|connectors` runs one part. Bounded: about seven minutes in all, five of them the connectors'.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startKafka } from "../test/support/kafka.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { benchDrain, benchLatency } from "./deliver.ts";
import { benchIngress } from "./ingress.ts";
import { printMachine } from "./report.ts";

const parts = process.argv.slice(2);
const wanted = (part: string) => parts.length === 0 || parts.includes(part);

if (wanted("connectors")) {
  for (const name of ["hubspot", "salesforce", "slack"]) {
    execFileSync(process.execPath, [`bench/connectors/${name}.ts`], { stdio: "inherit" });
    console.log();
  }
  if (parts.length === 1) process.exit();
}

execFileSync(process.execPath, ["scripts/build.ts"], { stdio: "inherit" });
printMachine();
const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
if ("missing" in kafka) console.log(`no figures on Kafka: ${kafka.missing}`);
if ("missing" in postgres) console.log(`no figures on PostgreSQL: ${postgres.missing}`);

for (const engine of ["sqlite", "kafka"] as const) {
  if (engine === "kafka" && ("missing" in kafka || "missing" in postgres)) continue;
  const folder = mkdtempSync(join(tmpdir(), "patchbay-bench-"));
  const urls = (part: string) => ({
    engine,
    folder,
    logUrl: "brokers" in kafka && engine === "kafka" ? `kafka://${kafka.brokers}?prefix=bench.${part}.` : `sqlite:${folder}/${part}-log.db`,
    ledgerUrl: "url" in postgres && engine === "kafka" ? postgres.url : `sqlite:${folder}/${part}-ledger.db`,
  });
  if (wanted("ingress")) {
    const targets = engine === "kafka" ? { rate: "≥ 10,000", p99: "p99 ≤ 20 ms" } : { rate: "≥ 5,000", p99: "" };
    await benchIngress({ ...urls("ingress"), targets });
  }
  if (wanted("latency")) await benchLatency(urls("latency"));
  if (wanted("drain")) await benchDrain(urls("drain"));
  console.log();
  rmSync(folder, { recursive: true, force: true });
}
for (const service of [kafka, postgres]) if (!("missing" in service)) await service.stop();
