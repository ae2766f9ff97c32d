import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { withDuckDbFile } from "../../connectors/warehouse/engines/duckdb/file.ts";
import { openLedger, openLog } from "../../src/app.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { recordKey, toHeaders } from "../../src/model/envelope.ts";
import { sampleCall } from "../../src/sandbox/calls.ts";
import { startPatchbay } from "../support/patchbay-process.ts";
import { settingsText } from "../support/settings-text.ts";
import { residentMb } from "./figures.ts";
import { openScene, type Scene, type SceneEngine } from "./scene.ts";
import type { TortureRow } from "./table.ts";

const AT_ONCE = 1_000;
const ROOT = resolve(import.meta.dirname, "../..");
/** Not dist/, which `npm pack` may be making anew. */
const BUILT = "node_modules/.cache/patchbay-torture";
/** Compiled, and with the flags of the Dockerfile: a checkout's type stripping costs memory that no user pays. */
const AS_IN_THE_IMAGE = ["--max-semi-space-size=8", "--initial-old-space-size=40", "--disable-sigusr1", join(ROOT, BUILT, "src/cli.js")];

/** Where a backlog goes. */
interface Carried {
  /** Its settings in routes.yaml, but for the connector. */
  settings(scene: Scene): Record<string, string>;
  /** What the route says besides its destination and start. */
  route: string;
  /** Of the calls, how much is delivered; the others are skipped. */
  share: number;
  /** A key of its own refuses a second record there. */
  hasKey: boolean;
  /** Records at the destination, and different keys among them. */
  count(scene: Scene): Promise<{ records: number; keys: number }>;
}

const CARRIED = {
  // One in a thousand: what is measured is the way through the log, not a destination.
  slack: {
    settings: ({ slack, folder }) => slack.sandbox.settings({ url: slack.url, folder }),
    route: `when: 'call_id.endsWith("000")', with: { channel: C0123456789 }`,
    share: 1 / 1_000,
    hasKey: false,
    count: async ({ slack }) => {
      const keys = (await slack.sandbox.records()).map(({ key }) => key);
      return { records: keys.length, keys: new Set(keys).size };
    },
  },
  // Each of them: a row in a DuckDB file.
  warehouse: {
    settings: ({ folder }) => ({ url: `duckdb:${join(folder, "warehouse.duckdb")}` }),
    route: "share: [numbers, summary, recording, transcript, metadata]",
    share: 1,
    hasKey: true,
    count: ({ folder }) =>
      withDuckDbFile({ path: join(folder, "warehouse.duckdb"), readOnly: true }, async (connection) => {
        const counts = await connection.runAndReadAll("SELECT count(*)::INTEGER, count(DISTINCT delivery_key)::INTEGER FROM calls");
        const [[records, keys] = []] = counts.getRowsJS();
        return { records: Number(records), keys: Number(keys) };
      }),
  },
} satisfies Record<string, Carried>;

export type BacklogTo = keyof typeof CARRIED;

let isBuilt = false;
/** Once for all backlogs of a run. */
function build(): void {
  if (!isBuilt) execFileSync(process.execPath, ["scripts/build.ts", BUILT], { cwd: ROOT, stdio: "inherit" });
  isBuilt = true;
}

/** Case 7: a connector starts on a large backlog and drains it; its memory stays flat. */
export async function backlog(options: {
  engine: SceneEngine;
  to: BacklogTo;
  calls: number;
}): Promise<{ row: TortureRow; peakMb: number }> {
  const { engine, to, calls } = options;
  const carried: Carried = CARRIED[to];
  build();
  const scene = await openScene({ engine });
  const startedAtMs = performance.now();
  try {
    writeFileSync(
      join(scene.folder, "routes.yaml"),
      `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { there: { connector: ${to}, ${settingsText(carried.settings(scene))} } }
routes: [{ id: backlog, to: there, start: beginning, ${carried.route} }]
`,
    );
    await fillLog(scene, calls);
    const filledMs = performance.now() - startedAtMs;

    const args = ["connector", to, "--ops-port", "0"];
    const connector = startPatchbay({ args, env: scene.env, cwd: scene.folder, program: AS_IN_THE_IMAGE });
    scene.processes.set(to, connector);
    await connector.logged("connector runs");
    const drainAtMs = performance.now();
    const samples: number[] = [];
    const sampling = setInterval(() => samples.push(residentMb(connector.child.pid)), 500);
    await untilEnded(scene, calls);
    const { whole, routes } = await scene.drained({ withinMs: 2_400_000 }).finally(() => clearInterval(sampling));
    const drainS = (performance.now() - drainAtMs) / 1000;
    await connector.end();
    const { delivered = 0, skipped = 0, dead = 0 } = routes.find(({ route }) => route === "backlog") ?? {};
    const there = await carried.count(scene);
    const doubled = there.records - there.keys;
    const wanted = Math.floor(calls * carried.share);
    const peakMb = Math.max(0, ...samples);
    const at = (share: number) => samples[Math.min(samples.length - 1, Math.floor(samples.length * share))];
    return {
      peakMb,
      row: {
        name: `backlog, ${to}`,
        engine: scene.engine,
        load: `${calls} calls in the log`,
        faults: "none",
        accepted: calls,
        delivered: `${delivered}, skipped ${skipped}`,
        doubled: carried.hasKey ? doubled : 0,
        doubledWithoutKey: carried.hasKey ? 0 : doubled,
        lost: calls - delivered - skipped + Math.max(0, wanted - there.keys),
        whole,
        dead,
        seconds: (performance.now() - startedAtMs) / 1000,
        note: `connector's memory: at most ${peakMb} MB, ${at(0.25)} MB after a quarter, ${at(0.5)} MB after a half, ${at(1)} MB at the end; ${Math.round(calls / drainS)} calls/s (filling the log took ${Math.round(filledMs / 1000)} s)`,
      },
    };
  } finally {
    await scene.close();
  }
}

/** Until the ledger has an end for each call. To look costs it as much as some thousand calls: the larger the backlog, the more seldom. */
async function untilEnded(scene: Scene, calls: number): Promise<void> {
  const ledger = await openLedger({ url: scene.env.PATCHBAY_LEDGER ?? "" });
  const untilMs = performance.now() + 2_400_000;
  const ended = async () => (await ledger.counts()).reduce((sum, { delivered, skipped, dead }) => sum + delivered + skipped + dead, 0);
  while ((await ended()) < calls && performance.now() < untilMs) await delay(Math.min(10_000, Math.max(500, calls / 100)));
  await ledger.close();
}

async function fillLog(scene: Scene, calls: number): Promise<void> {
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
}
