/**
 * A process of its own for the cases that kill one: `node runner-process.ts <connector> <folder>`, with jobs and reports over the channel to its
 * parent. Never imported: it runs when loaded.
 */
import { flushCompileCache } from "node:module";
import type { CallRecord } from "../model/call.ts";
import { loadConnectorUnderTest } from "./connector-under-test.ts";
import { createDeliveryRunner, type Ending } from "./delivery-runner.ts";
import type { SendStep } from "./send-spy.ts";

export interface Job {
  id: number;
  settings: Record<string, string>;
  example: Record<string, unknown>;
  timeoutMs: number;
  call: CallRecord;
  /** Another process had claimed the delivery, and crashed. */
  afterCrash?: boolean;
  /** The job stops here until its process is killed. */
  stopAt?: SendStep | undefined;
}

export type Report = { id: number; step: SendStep } | { id: number; ending: Ending } | { id: number; failed: string };

const [named = "", cwd = ""] = process.argv.slice(2);
const { connector } = await loadConnectorUnderTest({ named, cwd });

async function runJob(job: Job): Promise<void> {
  const { id, settings, example, timeoutMs, call, afterCrash = false, stopAt } = job;
  const runner = createDeliveryRunner({
    connector,
    settings,
    example,
    timeoutMs,
    async onStep(step) {
      report({ id, step });
      if (step === stopAt) await new Promise(() => undefined);
    },
  });
  try {
    report({ id, ending: await runner.runToEnd(call, { afterCrash }) });
  } catch (error) {
    report({ id, failed: error instanceof Error ? error.name : "unknown" });
  } finally {
    await runner.close();
    // A process that is killed writes nothing at its end.
    flushCompileCache();
  }
}

function report(message: Report): void {
  process.send?.(message);
}

process.on("message", (job: Job) => void runJob(job));
// Without its parent it has no more jobs.
process.on("disconnect", () => process.exit(0));
