import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connector, Sandbox, SandboxRecord } from "../connector/index.ts";
import { withTimeout } from "../lib/async/timeout.ts";
import { createDeliveryRunner, type DeliveryRunner } from "./delivery-runner.ts";
import { secretsOf } from "./leaks.ts";
import { type FaultProxy, type Step, startFaultProxy } from "./proxy.ts";

/** One sandbox for one try of one case, behind its proxy, and the connector in front of it. */
export interface Harness {
  connector: Connector;
  sandbox: Sandbox;
  /** Absent where the destination is not HTTP. */
  proxy: FaultProxy | undefined;
  carrier: DeliveryRunner;
  /** The destination's; a change counts from the next opening. */
  settings: Record<string, string>;
  /** What must not be said. */
  secrets: string[];
  timeoutMs: number;
  records(): Promise<SandboxRecord[]>;
  close(): Promise<void>;
}

/** An answer at once has all the time: only cases that wait for the time limit have a short one. */
export const LONG_MS = 10_000;
export const SHORT_MS = 700;
const SLOW_MS = 500;

export async function openHarness(options: {
  connector: Connector;
  timeoutMs?: number;
  limits?: boolean;
  onStep?: (step: Step, index: number) => Promise<boolean>;
}): Promise<Harness> {
  const { connector, timeoutMs = LONG_MS, limits = false, onStep } = options;
  const folder = mkdtempSync(join(tmpdir(), "patchbay-certify-"));
  const { createSandbox } = await connector.sandbox();
  const sandbox = createSandbox({ limits });
  const proxy = sandbox.fetch && (await startFaultProxy({ sandbox, slowMs: SLOW_MS, lateMs: timeoutMs * 2, onStep }));
  const settings = sandbox.settings({ url: proxy?.url ?? "", folder });
  const secrets = [...secretsOf(settings), ...secretsOf(sandbox.wrong ?? {})];
  // What a person makes once, before the first call.
  await connector.setup?.({ settings: connector.settings.parse(settings), timezone: "UTC", timeoutMs: LONG_MS });
  const carrier = createDeliveryRunner({
    connector,
    settings,
    example: sandbox.example,
    timeoutMs,
    onReopen: () => proxy?.mend(),
    beforeSkip: async () => proxy?.carriedOut(),
  });
  return {
    connector,
    sandbox,
    proxy,
    carrier,
    settings,
    secrets,
    timeoutMs,
    records: () => sandbox.records(),
    async close() {
      // A connector that hangs hangs here too.
      await withTimeout(1_000, carrier.close()).catch(() => undefined);
      await proxy?.close();
      await sandbox.close?.();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs one try, and leaves nothing behind. */
export async function withHarness<T>(options: Parameters<typeof openHarness>[0], run: (stand: Harness) => Promise<T>): Promise<T> {
  const stand = await openHarness(options);
  try {
    return await run(stand);
  } finally {
    await stand.close();
  }
}
