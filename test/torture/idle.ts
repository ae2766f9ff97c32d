import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startPatchbay } from "../support/patchbay-process.ts";
import { settingsText } from "../support/settings-text.ts";
import { cpuSeconds, residentMb } from "./figures.ts";
import { openScene, type SceneEngine } from "./scene.ts";
import type { TortureRow } from "./table.ts";

/** What many routes cost that have nothing to do, in one process. */
export async function idle(options: { engine: SceneEngine; routes: number; forMs: number }): Promise<TortureRow> {
  const { engine, routes, forMs } = options;
  const scene = await openScene({ engine });
  const startedAtMs = performance.now();
  try {
    const settings = settingsText(scene.slack.sandbox.settings({ url: scene.slack.url, folder: scene.folder }));
    const list = Array.from({ length: routes }, (_, index) => `  - { id: route-${index}, to: slack, with: { channel: C0123456789 } }`);
    writeFileSync(
      join(scene.folder, "routes.yaml"),
      `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { slack: { connector: slack, ${settings} } }
routes:
${list.join("\n")}
`,
    );
    const one = startPatchbay({ args: ["connector", "slack", "--ops-port", "0"], env: scene.env, cwd: scene.folder });
    scene.processes.set("slack", one);
    await one.logged("connector runs");
    // Joining groups is not idling.
    await delay(10_000);
    const before = cpuSeconds(one.child.pid);
    await delay(forMs);
    const share = (cpuSeconds(one.child.pid) - before) / (forMs / 1000);
    return {
      name: `${routes} idle routes in one process`,
      engine: scene.engine,
      load: "none",
      faults: "none",
      accepted: 0,
      delivered: "",
      doubled: 0,
      doubledWithoutKey: 0,
      lost: 0,
      whole: true,
      dead: 0,
      seconds: (performance.now() - startedAtMs) / 1000,
      note: `${(share * 100).toFixed(1)} % of a core, ${residentMb(one.child.pid)} MB`,
    };
  } finally {
    await scene.close();
  }
}
