/**
 * A process of its own for the cases that kill one: `node child.ts <connector> <folder>`, jobs and answers over the channel to its parent.
 * Never imported: it runs when loaded.
 */
import { flushCompileCache } from "node:module";
import type { Call } from "../model/call.ts";
import { loadConnectorUnderTest } from "./connector-under-test.ts";
import { createDeliveryRunner, type Ending, type Known } from "./delivery-runner.ts";

/** Where a job can be made to stand still until the process is killed. */
export type StopAt = "opened" | "sent";

export interface Job {
  id: number;
  settings: Record<string, string>;
  example: Record<string, unknown>;
  timeoutMs: number;
  call: Call;
  known: Known;
  stopAt?: StopAt | undefined;
}

export type Report = { id: number; step: "opened" | "sending" | "sent" } | { id: number; ending: Ending } | { id: number; failed: string };

const [named = "", cwd = ""] = process.argv.slice(2);
const { connector } = await loadConnectorUnderTest({ named, cwd });

async function carry(job: Job): Promise<void> {
  const { id, settings, example, timeoutMs, call, known, stopAt } = job;
  const carrier = createDeliveryRunner({
    connector,
    settings,
    example,
    timeoutMs,
    async onStep(step) {
      tell({ id, step });
      if (step === stopAt) await new Promise(() => undefined);
    },
  });
  try {
    tell({ id, ending: await carrier.toEnd(call, known) });
  } catch (error) {
    tell({ id, failed: error instanceof Error ? error.name : "unknown" });
  } finally {
    await carrier.close();
    // A process that is killed writes nothing at its end.
    flushCompileCache();
  }
}

function tell(report: Report): void {
  process.send?.(report);
}

process.on("message", (job: Job) => void carry(job));
// The parent is gone: so is the reason to be here.
process.on("disconnect", () => process.exit(0));
