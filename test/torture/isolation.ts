import { setTimeout as delay } from "node:timers/promises";
import type { Trouble } from "./faulty-sandbox.ts";
import { percentile } from "./figures.ts";
import { startLoad } from "./load.ts";
import { openScene, PROCESSES, type Scene, type SceneEngine, untilCaughtUp, untilThere } from "./scene.ts";
import type { TortureRow } from "./table.ts";

export interface Isolation {
  row: TortureRow;
  /** Calls of the time when HubSpot was dead that Slack did not get before HubSpot was well again. */
  heldUp: number;
  /** Slack's deliveries a second while HubSpot is dead, as a share of those while it is well. */
  rateRatio: number;
  p99Ratio: number;
  /** Backlog ÷ the rate at which HubSpot took it once it took anything, against the time from its repair to no backlog. */
  drainShare: number;
}

/** No time that anybody is promised: only a call that never comes takes so long. */
const HELD_UP_AFTER_MS = 180_000;
const TROUBLES: Exclude<Trouble, undefined>[] = ["refused", "black hole", "500", "429", "401"];

/** Case 4: HubSpot is dead in five ways, one after the other; Slack must not feel it; then HubSpot's backlog drains. */
export async function isolation(options: { engine: SceneEngine; ratePerSecond: number; eachMs: number }): Promise<Isolation> {
  const { engine, ratePerSecond, eachMs } = options;
  const scene = await openScene({ engine, latencyMs: 5 });
  const startedAtMs = performance.now();
  try {
    await Promise.all(PROCESSES.map(scene.start));
    const load = startLoad({ url: scene.webhook, ratePerSecond });
    await delay(2_000);
    await untilCaughtUp(scene, load.accepted);
    const well = await measure(scene, eachMs * TROUBLES.length);
    const dead: { rate: number; ages: number[] } = { rate: 0, ages: [] };
    let heldUp = 0;
    for (const trouble of TROUBLES) {
      await scene.hubspot.trouble(trouble);
      const part = await measure(scene, eachMs);
      dead.rate += part.rate / TROUBLES.length;
      dead.ages.push(...part.ages);
      heldUp += await untilThere(scene.slack, new Set(load.accepted), HELD_UP_AFTER_MS);
    }
    await load.stop();
    const backlog = load.accepted.size - (await scene.account(load.accepted)).delivered.hubspot;
    await scene.hubspot.trouble(undefined);
    const { tookMs: drainMs, steadyPerSecond } = await untilEmpty(scene, load.accepted.size, backlog);
    const { accounts } = await scene.settled(load.accepted, { withinMs: 120_000 });
    const rateRatio = dead.rate / well.rate;
    const p99Ratio = percentile(dead.ages, 0.99) / percentile(well.ages, 0.99);
    const idealMs = (backlog / steadyPerSecond) * 1000;
    return {
      heldUp,
      rateRatio,
      p99Ratio,
      drainShare: idealMs / drainMs,
      row: {
        name: "one destination dead in five ways",
        ...accounts,
        load: `${ratePerSecond}/s, a fifth twice`,
        faults: `${TROUBLES.join(", ")}, ${eachMs / 1000} s each`,
        seconds: (performance.now() - startedAtMs) / 1000,
        note: `Slack's rate ${rateRatio.toFixed(2)}× and p99 ${p99Ratio.toFixed(2)}× of the time without a fault (${Math.round(percentile(well.ages, 0.99))} ms); backlog of ${backlog} gone ${(drainMs / 1000).toFixed(1)} s after the repair, ${Math.round((idealMs / drainMs) * 100)} % of the ideal (${Math.round(steadyPerSecond)}/s while it drained)`,
      },
    };
  } finally {
    await scene.close();
  }
}

/** Slack's deliveries over a span: how many a second, and how old each call was when its message came. */
async function measure(scene: Scene, forMs: number): Promise<{ rate: number; ages: number[] }> {
  const { sandbox } = scene.slack;
  const before = (await sandbox.records()).length;
  const startedAtMs = performance.now();
  await delay(forMs);
  const rows = (await sandbox.records()).slice(before);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const { runPatchbay } = await import("../support/patchbay-process.ts");
  const { stdout } = await runPatchbay({
    args: ["deliveries", "--route", "to-slack", "--state", "delivered", "--limit", String(Math.max(1, rows.length)), "--json"],
    env: scene.env,
    cwd: scene.folder,
  });
  const ages = (JSON.parse(stdout || "[]") as { acceptedAt: number; updatedAt: number }[]).map(
    ({ acceptedAt, updatedAt }) => updatedAt - acceptedAt,
  );
  return { rate: rows.length / seconds, ages };
}

async function untilEmpty(scene: Scene, calls: number, backlog: number): Promise<{ tookMs: number; steadyPerSecond: number }> {
  const startedAtMs = performance.now();
  const samples: { atMs: number; there: number }[] = [];
  const nowMs = () => performance.now() - startedAtMs;
  while (nowMs() < 600_000) {
    const there = new Set((await scene.hubspot.sandbox.records()).map(({ key }) => key)).size;
    samples.push({ atMs: nowMs(), there });
    if (there >= calls) break;
    // Counting is work as well, on the machine that is measured.
    await delay(Math.max(20, backlog / 100));
  }
  // From its tenth to its nine tenths: neither the wait for the first probe nor the last few count.
  const first = samples.find(({ there }) => there >= calls - 0.9 * backlog);
  const last = samples.find(({ there }) => there >= calls - 0.1 * backlog);
  const spanMs = Math.max(1, (last?.atMs ?? 0) - (first?.atMs ?? 0));
  return { tookMs: nowMs(), steadyPerSecond: (((last?.there ?? 0) - (first?.there ?? 0)) / spanMs) * 1000 };
}
