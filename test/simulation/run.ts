/** `npm run simulate -- --seed n --deliveries n`: lives of the delivery core, one seed after the other, until one breaks a promise. */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { simulate } from "./simulate.ts";

const CALLS = 300;
const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    deliveries: { type: "string" },
    json: { type: "boolean" },
    trace: { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help) {
  console.log(`npm run simulate -- [--seed n] [--deliveries n] [--trace call_id] [--json]

Simulated lives of the delivery core, each with its seed, until so many deliveries (default 100,000) were made or a promise is broken.
A seed replays exactly: npm run simulate -- --seed n --deliveries 1 lives that one life, and with --trace c17 it tells all that happens
to that call.
Exit code 0: all promises were kept. 1: one was broken; the seed is printed.`);
  process.exit(0);
}
const wanted = Number(values.deliveries ?? 100_000);
const firstSeed = Number(values.seed ?? 1);
if (!Number.isInteger(wanted) || wanted < 1 || !Number.isInteger(firstSeed)) {
  console.error("--seed and --deliveries are whole numbers");
  process.exit(2);
}

const startedAtMs = performance.now();
let [deliveries, events, simulatedMs, crashes, seed] = [0, 0, 0, 0, firstSeed];
while (deliveries < wanted) {
  const life = await simulate({ seed, calls: CALLS, trace: values.trace, onTrace: (line) => console.log(line) });
  deliveries += life.deliveries;
  events += life.events;
  simulatedMs += life.simulatedMs;
  crashes += life.crashes;
  if (life.violations.length > 0) {
    console.error(
      `seed ${seed} breaks a promise:\n  ${life.violations.join("\n  ")}\nAgain: npm run simulate -- --seed ${seed} --deliveries 1`,
    );
    process.exit(1);
  }
  seed += 1;
  if (process.stderr.isTTY) process.stderr.write(`\r${deliveries} deliveries, seed ${seed}`);
}
const tookMs = performance.now() - startedAtMs;
const report = {
  machine: cpus()[0]?.model,
  node: process.version,
  seeds: `${firstSeed} to ${seed - 1}`,
  deliveries,
  crashes,
  events,
  simulatedHours: Math.round(simulatedMs / 3_600_000),
  seconds: Math.round(tookMs / 100) / 10,
  simulatedHoursPerSecond: Math.round((simulatedMs / 3_600_000 / (tookMs / 1000)) * 10) / 10,
};
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
if (values.json) console.log(JSON.stringify(report));
else for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(24)} ${value}`);
