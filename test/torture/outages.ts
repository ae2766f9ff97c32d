import { setTimeout as delay } from "node:timers/promises";
import { percentile, residentMb } from "./figures.ts";
import { type Load, startLoad } from "./load.ts";
import { openScene, PROCESSES, type Scene, type SceneEngine } from "./scene.ts";
import type { TortureRow } from "./table.ts";

interface Away {
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

interface OutageOptions {
  engine: SceneEngine;
  away: Away;
  forMs: number;
  ratePerSecond: number;
}

async function run(
  name: string,
  options: OutageOptions,
  observe: (parts: { scene: Scene; load: Load; before: number }) => Promise<string>,
) {
  const { engine, away, forMs, ratePerSecond } = options;
  const scene = await openScene({ engine });
  const startedAtMs = performance.now();
  try {
    await Promise.all(PROCESSES.map(scene.start));
    const load = startLoad({ url: scene.webhook, ratePerSecond });
    await delay(3_000);
    const before = load.accepted.size;
    await away.goAway();
    const awayAtMs = performance.now();
    const note = await observe({ scene, load, before });
    await delay(Math.max(0, forMs - (performance.now() - awayAtMs)));
    const memory = residentMb(scene.processes.get("ingress")?.child.pid);
    await away.comeBack();
    const backAtMs = performance.now();
    const accepted = load.accepted.size;
    while (load.accepted.size === accepted && performance.now() - backAtMs < 60_000) await delay(50);
    const againMs = performance.now() - backAtMs;
    await delay(3_000);
    await load.stop();
    const { accounts } = await scene.settled(load.accepted, { withinMs: 120_000 });
    const row: TortureRow = {
      name,
      ...accounts,
      load: `${ratePerSecond}/s, a fifth twice`,
      faults: `away for ${forMs / 1000} s`,
      seconds: (performance.now() - startedAtMs) / 1000,
      note: `${note}; accepted again ${(againMs / 1000).toFixed(1)} s after its return; ingress ${memory} MB at the end of the outage`,
    };
    return { row, statuses: load.statuses };
  } finally {
    await scene.close();
  }
}

/** Case 3a: without Kafka the answer is 503 with Retry-After, at once and without a pile-up; afterwards all goes on by itself. */
export function kafkaAway(options: OutageOptions) {
  return run("Kafka away", options, async ({ load }) => {
    const refusedBefore = load.statuses.get(503) ?? 0;
    const from = load.tookMs.length;
    // What was on its way when Kafka went is waited for: its answer is not known yet.
    await delay(Math.min(8_000, options.forMs));
    const took = load.tookMs.slice(from);
    return `503 to ${(load.statuses.get(503) ?? 0) - refusedBefore} posts in ${Math.min(8, options.forMs / 1000)} s, median ${Math.round(percentile(took, 0.5))} ms, slowest ${Math.round(percentile(took, 1))} ms`;
  });
}

/** Case 3b: without PostgreSQL the ingress does not notice; routes stand, and go on. */
export function postgresAway(options: OutageOptions) {
  return run("PostgreSQL away", options, async ({ load, before }) => {
    const refused = load.statuses.get(503) ?? 0;
    await delay(Math.min(8_000, options.forMs));
    return `accepted meanwhile ${load.accepted.size - before}, refused ${(load.statuses.get(503) ?? 0) - refused}`;
  });
}
