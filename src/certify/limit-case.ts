import type { Outcome } from "../connector/index.ts";
import { assertDelivered, type DeliveredCall } from "./assertions.ts";
import { certifyRecord } from "./calls.ts";
import { type Case, skipped } from "./cases.ts";
import { withHarness } from "./harness.ts";
import type { Problem } from "./report.ts";

/** A dozen calls that end at once: a small team's Monday morning. */
const CALLS = 12;
/** As the core waits where a destination names no wait. */
const SILENT_WAIT_MS = 2_000;
const ATTEMPT_MS = 15_000;

/**
 * The vendor's limits are on, and waits last. A refusal for the rate is how a client learns of a limit: it is no fault where an outcome says so and
 * names the wait. A limit is broken by a refusal that no outcome names, and by one that comes right after the wait.
 */
export const limitCase: Case = {
  name: "a dozen calls within the limits",
  async run({ subject: { connector }, isHttp }) {
    if (!isHttp) return skipped("there is no API that limits");
    return withHarness({ connector, limits: true, timeoutMs: ATTEMPT_MS, waits: true }, async (harness) => {
      const { runner, proxy } = harness;
      const limited: { atMs: number; waitMs: number }[] = [];
      const acceptedAtMs: number[] = [];
      const onOutcome = (outcome: Outcome) => {
        const atMs = performance.now();
        if (isRateLimit(outcome)) limited.push({ atMs, waitMs: outcome.retryAfterMs ?? SILENT_WAIT_MS });
        else acceptedAtMs.push(atMs);
      };
      const records = Array.from({ length: CALLS }, (_, index) => certifyRecord(index));
      const calls = await Promise.all(
        records.map(async (record): Promise<DeliveredCall> => {
          return { key: runner.keyOf(record), ending: await runner.runToEnd(record, { onOutcome }) };
        }),
      );

      const refused = proxy?.requests.filter(({ status }) => status === 429) ?? [];
      // A batch is one request for many calls, each of which then has the outcome: counted by `send`, or the other refusals would be hidden.
      const refusedWrites = refused.filter(({ writes }) => writes).length;
      const unnamed = Math.max(refused.length - limited.length, refusedWrites - runner.sends.rateLimitedSends());
      const tooSoon = refused.filter(({ atMs }) => {
        const last = limited.findLast((one) => one.atMs < atMs);
        return last && atMs >= last.atMs + last.waitMs && !acceptedAtMs.some((at) => at > last.atMs && at < atMs);
      });
      const problems: Problem[] = [
        ...times(unnamed, "the destination refused for the rate, and no outcome says so"),
        ...times(tooSoon.length, "refused again: the wait that the outcome named was too short"),
        ...(await assertDelivered({ harness, calls, about: "a call within the limits" })),
      ];
      const note =
        refused.length === 0 ? undefined : `${refused.length} requests were refused for the rate, and waited as long as they were asked to`;
      return { runs: 1, problems, ...(note && problems.length === 0 ? { note } : {}) };
    });
  },
};

const times = (count: number, text: string): Problem[] =>
  Array.from({ length: Math.max(0, count) }, () => ({ kind: "limits broken", text }));

function isRateLimit(outcome: Outcome): outcome is Outcome & { kind: "retry" } {
  return outcome.kind === "retry" && outcome.because === "rate-limit";
}
