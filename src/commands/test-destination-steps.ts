import { failureOf } from "../certify/failures.ts";
import {
  type AnyDelivery,
  changeCall,
  deleteCall,
  failed,
  type LiveCall,
  type LiveResult,
  readBack,
  sendCall,
} from "../certify/live-cases.ts";
import type { OpenDestination, Receipt } from "../connector/index.ts";
import type { Destination } from "../route.ts";
import { LATE_WORDS } from "./test-call.ts";

export interface TestStep extends LiveResult {
  step: "open" | "send" | "read" | "change" | "clean up";
  tookMs: number;
}

/** What stays at the destination. */
export type LeftBehind = { id: string; url?: string | undefined; why: string };

export interface TestOptions {
  destination: Destination;
  delivery: AnyDelivery;
  /** The same call as it comes again, with another summary; mapped like the first. */
  late: Pick<AnyDelivery, "call" | "with">;
  timezone: string;
  keep: boolean;
  onStep(step: TestStep): void;
  sleep?: (ms: number) => Promise<unknown>;
}

/**
 * Sends one call to a destination, past log and ledger: open, send, read back, change, clean up. Each step is reported when it is over; after a
 * failed one only cleaning up follows.
 */
export async function runTest(options: TestOptions): Promise<{ ok: boolean; left: LeftBehind[] }> {
  const { destination, timezone, onStep } = options;
  const { connector, timeoutMs } = destination;
  let ok = true;
  let startedAtMs = performance.now();

  function report(step: TestStep["step"], result: LiveResult): LiveResult {
    if (result.went === "wrong") ok = false;
    const nowMs = performance.now();
    onStep({ step, ...result, tookMs: Math.round(nowMs - startedAtMs) });
    startedAtMs = nowMs;
    return result;
  }

  let open: OpenDestination<Record<string, unknown>>;
  try {
    open = await connector.open({ settings: destination.settings(), timezone, timeoutMs });
    report("open", { went: "well", says: `${connector.title} answers${open.about === undefined ? "" : `; ${open.about}`}` });
  } catch (error) {
    report("open", failed(failureOf(error)));
    return { ok, left: [] };
  }
  try {
    const left = await testOpen({ ...options, connector, timeoutMs, open, lateWords: LATE_WORDS }, report);
    return { ok, left };
  } finally {
    await open.close().catch(() => undefined);
  }
}

async function testOpen(
  live: LiveCall & Pick<TestOptions, "keep">,
  report: (step: TestStep["step"], result: LiveResult) => LiveResult,
): Promise<LeftBehind[]> {
  const { outcome, result } = await sendCall(live);
  report("send", result);
  if (outcome.kind === "ambiguous") return [{ id: live.delivery.key, why: "it may have arrived" }];
  if (outcome.kind !== "delivered") return [];
  const receipts = [outcome.receipt];
  try {
    report("read", await readBack(live, outcome.receipt));
    const { receipt } = report("change", await changeCall(live, outcome.receipt));
    if (receipt && receipt.id !== outcome.receipt.id) receipts.push(receipt);
  } catch (error) {
    report("read", failed(failureOf(error)));
  }
  const left: LeftBehind[] = [];
  for (const receipt of receipts) {
    const why = await cleanUp(receipt);
    if (why !== undefined) left.push({ id: receipt.id, url: receipt.url, why });
  }
  return left;

  /** Why it stays; `undefined`: it does not. */
  async function cleanUp(receipt: Receipt): Promise<string | undefined> {
    if (live.keep) {
      report("clean up", { went: "note", says: "left there, as you asked" });
      return "--keep";
    }
    const { went } = report("clean up", await deleteCall(live, receipt));
    if (went === "well") return undefined;
    return went === "note" ? "cannot be deleted from here" : "deleting failed";
  }
}
