import { setTimeout as delay } from "node:timers/promises";
import { cpuSeconds, residentMb } from "./figures.ts";
import { startLoad } from "./load.ts";
import { openScene, PROCESSES, type SceneEngine, untilCaughtUp } from "./scene.ts";
import type { TortureRow } from "./table.ts";

/** What a call costs on a good day: processor time and memory of each process at a steady rate. */
export async function cost(options: { engine: SceneEngine; ratePerSecond: number; forMs: number }): Promise<TortureRow> {
  const { engine, ratePerSecond, forMs } = options;
  const scene = await openScene({ engine });
  const startedAtMs = performance.now();
  const pidOf = (name: (typeof PROCESSES)[number]) => scene.processes.get(name)?.child.pid;
  try {
    await Promise.all(PROCESSES.map(scene.start));
    const load = startLoad({ url: scene.webhook, ratePerSecond });
    await delay(2_000);
    await untilCaughtUp(scene, load.accepted);
    const before = { accepted: load.accepted.size, cpu: PROCESSES.map((name) => cpuSeconds(pidOf(name))) };
    await delay(forMs);
    const calls = load.accepted.size - before.accepted;
    const figures = PROCESSES.map((name, index) => {
      const cpuMs = ((cpuSeconds(pidOf(name)) - (before.cpu[index] ?? 0)) * 1000) / calls;
      return `${name} ${cpuMs.toFixed(2)} ms of processor time a call, ${residentMb(pidOf(name))} MB`;
    });
    await load.stop();
    const { accounts } = await scene.settled(load.accepted, { withinMs: 120_000 });
    return {
      name: "cost of a call",
      ...accounts,
      load: `${ratePerSecond}/s, a fifth twice`,
      faults: "none",
      seconds: (performance.now() - startedAtMs) / 1000,
      note: figures.join("; "),
    };
  } finally {
    await scene.close();
  }
}
