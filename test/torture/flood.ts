import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { post } from "../../src/commands/send.ts";
import { sampleCall } from "../../src/sandbox/calls.ts";
import { type FloodKind, startFlood } from "../support/flood.ts";
import { startPatchbay } from "../support/patchbay-process.ts";
import { peakMb, residentMb } from "./figures.ts";
import { SECRET } from "./scene.ts";
import type { TortureRow } from "./table.ts";

const GOOD_CALLS = 20;

/** An ingress alone, as a process of its own. */
export async function startAlone(): Promise<{ url: string; port: number; pid: number | undefined; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-flood-"));
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1\nsources: { voiceinfra: { secrets: ["\${SECRET}"] } }\ndestinations: {}\nroutes: []\n`,
  );
  const env = { SECRET, PATCHBAY_LOG: `sqlite:${folder}/log.db` };
  const ingress = startPatchbay({ args: ["ingress", "--port", "0", "--ops-port", "0"], env, cwd: folder });
  const { url } = await ingress.logged("ingress listens");
  return {
    url: `${url}/webhooks/voiceinfra`,
    port: Number(new URL(String(url)).port),
    pid: ingress.child.pid,
    async stop() {
      await ingress.end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Answers to good calls while the others hold their connections, and how long each took. */
export async function sendGoodCalls(options: {
  url: string;
  count: number;
  prefix: string;
}): Promise<{ statuses: number[]; slowestMs: number }> {
  const { url, count, prefix } = options;
  const statuses: number[] = [];
  let slowestMs = 0;
  for (let n = 0; n < count; n += 1) {
    const body = Buffer.from(JSON.stringify({ ...sampleCall(n), call_id: `${prefix}-${n}` }));
    const { status, tookMs } = await post({ url, secret: SECRET, body }).catch(() => ({ status: 0, tookMs: Number.POSITIVE_INFINITY }));
    statuses.push(status);
    slowestMs = Math.max(slowestMs, tookMs);
    await delay(50);
  }
  return { statuses, slowestMs };
}

/** What connections cost that want our memory and send nothing of use (security review S01), and whether a good call gets through. */
export async function flood(options: { kind: FloodKind; connections: number }): Promise<TortureRow> {
  const { kind, connections } = options;
  const startedAtMs = performance.now();
  const ingress = await startAlone();
  const before = residentMb(ingress.pid);
  const one = await startFlood({ port: ingress.port, kind, connections });
  const { statuses, slowestMs } = await sendGoodCalls({ url: ingress.url, count: GOOD_CALLS, prefix: "good" });
  const peak = peakMb(ingress.pid);
  const answers = [...one.answers].map(([line, count]) => `${count} × ${line.replace("HTTP/1.1 ", "")}`);
  const open = one.open();
  one.close();
  await ingress.stop();
  const accepted = statuses.filter((status) => status === 200).length;
  return {
    name: kind,
    engine: "embedded",
    load: `${GOOD_CALLS} good calls`,
    faults: `${connections} connections`,
    accepted,
    delivered: "",
    doubled: 0,
    doubledWithoutKey: 0,
    lost: 0,
    whole: true,
    dead: 0,
    seconds: (performance.now() - startedAtMs) / 1000,
    note: `ingress at most ${peak} MB (${before} before), good calls within ${Math.round(slowestMs)} ms; the others: ${[...answers, `${open} still open`].join(", ")}`,
  };
}
