import { setTimeout as delay } from "node:timers/promises";
import type { Outcome } from "../connector/index.ts";
import type { Call } from "../model/call.ts";
import { assertDelivered, type DeliveredCall } from "./assertions.ts";
import { certifyCall } from "./calls.ts";
import { type Case, skipped } from "./cases.ts";
import { withHarness } from "./harness.ts";
import type { Problem } from "./report.ts";

/** A dozen calls that end at once: what a small team has on a Monday morning. */
const CALLS = 12;
const MAX_WAVES = 10;
/** As the core waits where a destination does not say for how long. */
const SILENT_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 15_000;
const ATTEMPT_MS = 15_000;

/**
 * The vendor's limits are on. A refusal for the rate is how one learns of a limit: it is no fault, if an outcome says so and says for how long.
 * Broken is a limit whose refusal no outcome told of, and one that is run into again right after the wait.
 */
export const limitCase: Case = {
  name: "a dozen calls within the limits",
  async run({ subject: { connector }, isHttp }) {
    if (!isHttp) return skipped("there is no API that limits");
    return withHarness({ connector, limits: true, timeoutMs: ATTEMPT_MS }, async (stand) => {
      const { carrier, proxy } = stand;
      const refusedRequests = () => proxy?.requests.filter(({ status }) => status === 429) ?? [];
      const refusals = () => refusedRequests().length;
      // What a batch writes is one request for many calls, all of which then tell of it: counted by `send`, else the others would be hidden.
      const refusedWrites = () => refusedRequests().filter(({ writes }) => writes).length;
      const carried: DeliveredCall[] = [];
      const problems: Problem[] = [];
      const broken = (count: number, text: string) => {
        for (let index = 0; index < count; index += 1) problems.push({ kind: "limits broken", text });
      };
      let open: Call[] = Array.from({ length: CALLS }, (_, index) => certifyCall(index));
      for (let wave = 0; wave < MAX_WAVES && open.length > 0; wave += 1) {
        const before = { all: refusals(), writes: refusedWrites(), sends: carrier.watch.toldOfRate() };
        const outcomes = await Promise.all(open.map(async (call) => ({ call, outcome: await carrier.tryOnce(call) })));
        const told = outcomes.filter(({ outcome }) => isRateLimit(outcome));
        const ended = outcomes.filter(({ outcome }) => !isRateLimit(outcome));
        const refused = refusals() - before.all;
        const tellingSends = carrier.watch.toldOfRate() - before.sends;
        const untold = Math.max(refused - told.length, refusedWrites() - before.writes - tellingSends);
        broken(untold, "the destination refused for the rate, and no outcome says so");
        if (wave > 0 && ended.length === 0 && refused > 0) broken(refused, "refused again: the wait that the outcome named was too short");
        for (const { call, outcome } of ended) {
          const end = outcome.kind === "delivered" ? ("delivered" as const) : ("tired" as const);
          const receipt = outcome.kind === "delivered" ? { receipt: outcome.receipt } : {};
          carried.push({ key: carrier.keyOf(call), ending: { end, outcomes: [outcome], inDoubt: false, ...receipt } });
        }
        open = told.map(({ call }) => call);
        if (open.length > 0) await delay(waitOf(told.map(({ outcome }) => outcome)));
      }
      for (const call of open)
        problems.push({ kind: "limits broken", text: `${call.call_id} still waits for its place after ${MAX_WAVES} waits` });
      problems.push(...(await assertDelivered({ stand, carried, about: "a call within the limits" })));
      const count = refusals();
      const note = count === 0 ? undefined : `${count} requests were refused for the rate, and waited as told`;
      return { runs: 1, problems, ...(note && problems.length === 0 ? { note } : {}) };
    });
  },
};

function isRateLimit(outcome: Outcome): boolean {
  return outcome.kind === "retry" && outcome.because === "rate-limit";
}

function waitOf(outcomes: Outcome[]): number {
  const waits = outcomes.map((outcome) => ("retryAfterMs" in outcome ? (outcome.retryAfterMs ?? SILENT_WAIT_MS) : SILENT_WAIT_MS));
  return Math.min(Math.max(...waits), LONGEST_WAIT_MS);
}
