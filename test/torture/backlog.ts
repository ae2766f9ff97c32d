import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openLog } from "../../src/app.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { recordKey, toHeaders } from "../../src/model/envelope.ts";
import { sampleCall } from "../../src/sandbox/calls.ts";
import { startPatchbay } from "../support/patchbay-process.ts";
import { residentMb } from "./figures.ts";
import { openScene, type SceneEngine } from "./scene.ts";
import type { TortureRow } from "./table.ts";

const AT_ONCE = 1_000;
/** Compiled, and with the flags of the Dockerfile: a checkout's type stripping costs memory that no user pays. */
const AS_IN_THE_IMAGE = ["--max-semi-space-size=8", "--initial-old-space-size=40", resolve(import.meta.dirname, "../../dist/src/cli.js")];

/** Case 7: a connector starts on a large backlog and drains it; its memory stays flat. The destination is a local file: DuckDB. */
export async function backlog(options: { engine: SceneEngine; calls: number }): Promise<{ row: TortureRow; peakMb: number }> {
  const { engine, calls } = options;
  execFileSync(process.execPath, ["scripts/build.ts"], { cwd: resolve(import.meta.dirname, "../.."), stdio: "ignore" });
  const scene = await openScene({ engine });
  const startedAtMs = performance.now();
  try {
    // `when` wants one in a thousand: what is measured is the way through the log, not a destination.
    writeFileSync(
      join(scene.folder, "routes.yaml"),
      `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { slack: { connector: slack, ${Object.entries(scene.slack.sandbox.settings({ url: scene.slack.url, folder: scene.folder }))
        .map(([key, value]) => `${key}: "${value}"`)
        .join(", ")} } }
routes: [{ id: to-slack, to: slack, start: beginning, when: 'call_id.endsWith("000")', with: { channel: C0123456789 } }]
`,
    );
    const log = await openLog({ url: scene.env.PATCHBAY_LOG ?? "", logger: createLogger({ level: "silent" }) });
    for (let from = 0; from < calls; from += AT_ONCE) {
      await Promise.all(
        Array.from({ length: Math.min(AT_ONCE, calls - from) }, (_, index) => {
          const callId = `backlog-${String(from + index).padStart(7, "0")}`;
          const value = Buffer.from(JSON.stringify({ ...sampleCall(from + index), call_id: callId }));
          const headers = toHeaders({ source: "voiceinfra", acceptedAt: Date.now(), requestId: callId });
          return log.append({ topic: CALLS_TOPIC, key: recordKey("voiceinfra", callId), value, headers });
        }),
      );
    }
    await log.close();
    const filledMs = performance.now() - startedAtMs;

    const connector = startPatchbay({
      args: ["connector", "slack", "--ops-port", "0"],
      env: scene.env,
      cwd: scene.folder,
      program: AS_IN_THE_IMAGE,
    });
    scene.processes.set("slack", connector);
    await connector.logged("connector runs");
    const drainAtMs = performance.now();
    let peakMb = 0;
    const wanted = Math.floor(calls / 1_000);
    const samples: number[] = [];
    const lookedAtMs = { audit: performance.now() };
    for (;;) {
      const mb = residentMb(connector.child.pid);
      samples.push(mb);
      peakMb = Math.max(peakMb, mb);
      await delay(500);
      const delivered = (await scene.slack.sandbox.records()).length;
      if (delivered >= wanted && performance.now() - lookedAtMs.audit > 2_000) break;
      if (performance.now() - drainAtMs > 1_800_000) break;
    }
    const drainS = (performance.now() - drainAtMs) / 1000;
    const { whole, routes } = await scene.drained({ withinMs: 300_000 });
    const audit = routes.find(({ route }) => route === "to-slack");
    const keys = (await scene.slack.sandbox.records()).map(({ key }) => key);
    return {
      peakMb,
      row: {
        name: "backlog",
        engine: scene.engine,
        load: `${calls} calls in the log`,
        faults: "none",
        accepted: calls,
        delivered: `Slack ${audit?.delivered}, skipped ${audit?.skipped}`,
        doubled: 0,
        doubledWithoutKey: keys.length - new Set(keys).size,
        lost: calls - (audit?.delivered ?? 0) - (audit?.skipped ?? 0),
        whole,
        dead: audit?.dead ?? 0,
        seconds: (performance.now() - startedAtMs) / 1000,
        note: `connector's memory: at most ${peakMb} MB, ${samples[Math.floor(samples.length / 4)]} MB after a quarter, ${samples.at(-1)} MB at the end; ${Math.round(calls / drainS)} calls/s (filling the log took ${Math.round(filledMs / 1000)} s)`,
      },
    };
  } finally {
    await scene.close();
  }
}
