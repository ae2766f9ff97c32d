import { setTimeout as delay } from "node:timers/promises";
import { startLoad } from "./load.ts";
import { openScene, PROCESSES, type ProcessName, type Scene, type SceneEngine } from "./scene.ts";
import type { TortureRow } from "./table.ts";

function lastWords(scene: Scene, route: string): string {
  const output = scene.processes.get(route.slice("to-".length))?.output() ?? "";
  return output.split("\n").slice(-8).join(" / ");
}

/** Case 1: kill -9 at random moments, of ingress, of connectors and of all at once, under load with duplicates. */
export async function kills(options: { engine: SceneEngine; count: number; ratePerSecond: number }): Promise<TortureRow> {
  const { engine, count, ratePerSecond } = options;
  const scene = await openScene({ engine });
  const startedAtMs = performance.now();
  try {
    await Promise.all(PROCESSES.map(scene.start));
    const load = startLoad({ url: scene.webhook, ratePerSecond });
    await delay(1_000);
    for (let n = 0; n < count; n += 1) {
      const victims: ProcessName[] = n % 4 === 3 ? [...PROCESSES] : [PROCESSES[n % 4] ?? "ingress"];
      await scene.kill(victims);
      await delay(100 + Math.random() * 700);
    }
    await load.stop();
    const { accounts, routes } = await scene.settled(load.accepted, { withinMs: 180_000 });
    const gaps = routes.flatMap(({ route, unread, waiting, examples }) => [
      ...(unread + waiting > 0
        ? [`${route}: ${unread} unread, ${waiting} waiting; its connector said last: ${lastWords(scene, route)}`]
        : []),
      ...examples.slice(0, 3).map(({ callId, offset, why }) => `${route}: ${callId} at ${offset}: ${why}`),
    ]);
    return {
      name: `${count} kills -9`,
      ...accounts,
      load: `${ratePerSecond}/s, a fifth twice`,
      faults: `${count} kills`,
      seconds: (performance.now() - startedAtMs) / 1000,
      note: [
        `not answered 200: ${
          [...load.statuses]
            .filter(([status]) => status !== 200)
            .map(([status, n]) => `${n} ${status}`)
            .join(", ") || "none"
        }`,
        ...gaps,
        ...(scene.failedStarts.length > 0
          ? [`${scene.failedStarts.length} processes ended by themselves and were started again: ${scene.failedStarts[0]}`]
          : []),
      ].join("; "),
    };
  } finally {
    await scene.close();
  }
}
