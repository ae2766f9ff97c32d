import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connector, OpenDestination, Sandbox, SandboxRecord } from "../connector/index.ts";
import { withTimeout } from "../lib/async/timeout.ts";
import { createDeliveryRunner, type DeliveryRunner } from "./delivery-runner.ts";
import { secretsOf } from "./leaks.ts";
import { type FaultProxy, type Step, startFaultProxy } from "./proxy.ts";

/** One sandbox for one run of one case, the proxy before it, and the connector that delivers to it. */
export interface Harness {
  connector: Connector;
  sandbox: Sandbox;
  /** Absent where the destination is not HTTP. */
  proxy: FaultProxy | undefined;
  runner: DeliveryRunner;
  /** Of the destination; a change counts from the next opening. */
  settings: Record<string, string>;
  /** What no outcome may hold. */
  secrets: string[];
  timeoutMs: number;
  /** The destination past the pipeline, for promises about one `send`; closed with the harness. */
  open(): Promise<OpenDestination<Record<string, unknown>>>;
  records(): Promise<SandboxRecord[]>;
  close(): Promise<void>;
}

export interface HarnessOptions {
  connector: Connector;
  timeoutMs?: number;
  /** The vendor's rate limits are enforced. */
  limits?: boolean;
  /** Waits between attempts last as long as they do outside. */
  waits?: boolean;
  onStep?: (step: Step, index: number) => Promise<boolean>;
  /** Answers a request instead of the sandbox. */
  answer?: (request: Request, sandbox: Sandbox) => Response | undefined;
}

/** Only cases that wait for the time limit have a short one. */
export const LONG_MS = 10_000;
export const SHORT_MS = 700;
const SLOW_MS = 500;

export async function openHarness(options: HarnessOptions): Promise<Harness> {
  const { connector, timeoutMs = LONG_MS, limits = false, waits = false, onStep, answer = () => undefined } = options;
  const folder = mkdtempSync(join(tmpdir(), "patchbay-certify-"));
  const { createSandbox } = await connector.sandbox();
  const sandbox = createSandbox({ limits });
  const { fetch } = sandbox;
  const answered = fetch && { ...sandbox, fetch: (request: Request) => answer(request, sandbox) ?? fetch(request) };
  const proxy = answered && (await startFaultProxy({ sandbox: answered, slowMs: SLOW_MS, lateMs: timeoutMs * 2, onStep }));
  const settings = sandbox.settings({ url: proxy?.url ?? "", folder });
  const secrets = [...secretsOf(settings), ...secretsOf(sandbox.wrong ?? {})];
  const openOptions = () => ({ settings: connector.settings.parse(settings), timezone: "UTC", timeoutMs });
  // As a person does once, before the first call.
  await connector.setup?.({ ...openOptions(), timeoutMs: LONG_MS });
  const opened: OpenDestination<Record<string, unknown>>[] = [];
  const runner = createDeliveryRunner({
    connector,
    settings,
    example: sandbox.example,
    timeoutMs,
    waits,
    onReopen: () => proxy?.clear(),
    beforeSkip: async () => proxy?.carriedOut(),
  });
  return {
    connector,
    sandbox,
    proxy,
    runner,
    settings,
    secrets,
    timeoutMs,
    async open() {
      const one = await connector.open(openOptions());
      opened.push(one);
      return one;
    },
    records: () => sandbox.records(),
    async close() {
      // A connector that hangs at its closing hangs nothing else.
      await withTimeout(1_000, Promise.all([runner.close(), ...opened.map((one) => one.close())])).catch(() => undefined);
      await proxy?.close();
      await sandbox.close?.();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs with a harness of its own, and leaves nothing behind. */
export async function withHarness<T>(options: HarnessOptions, run: (harness: Harness) => Promise<T>): Promise<T> {
  const harness = await openHarness(options);
  try {
    return await run(harness);
  } finally {
    await harness.close();
  }
}
