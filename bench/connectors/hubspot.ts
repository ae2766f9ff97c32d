import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { hubspot } from "../../connectors/hubspot/index.ts";
import type { HubSpotWith } from "../../connectors/hubspot/mapping.ts";
import { createSandbox } from "../../connectors/hubspot/sandbox/index.ts";
import type { Delivery, OpenDestination, Outcome, SharedCall } from "../../src/connector/index.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";

/** What HubSpot's usage guidelines allow an app or service key in its Professional edition, and what one batch of calls costs: an upsert, an association. */
const REQUESTS_PER_SECOND = 19;
const CALLS_PER_BATCH = 100;
const REQUESTS_PER_BATCH = 2;

export interface HubSpotFigures {
  calls: number;
  seconds: number;
  /** Calls a second as a share of what the limits allow for full batches. */
  share: number;
  /** Requests for 1,000 calls whose people are known, and the fewest that can do it. */
  apiCallsPer1000: number;
  floorPer1000: number;
  note: string;
}

/**
 * Calls as fast as HubSpot's limits let them go, through the real connector and its sandbox with the limits on. What was used before counts as HubSpot
 * counts it, so that the first ten seconds are run in and not measured. A rate limit makes every call wait, as the core's rate limiter does.
 */
export async function hubspotFigures(options: { seconds?: number; latencyMs?: number; account?: string } = {}): Promise<HubSpotFigures> {
  const { seconds = 30, latencyMs = 0, account = "unique" } = options;
  const sandbox = createSandbox({ latencyMs, account });
  let requests = 0;
  let refused = 0;
  const served = await serveSandbox({
    sandbox: {
      ...sandbox,
      async fetch(request) {
        requests += 1;
        const answer = (await sandbox.fetch?.(request)) ?? Response.error();
        if (answer.status === 429) refused += 1;
        return answer;
      },
    },
  });
  const settings = hubspot.settings.parse(sandbox.settings({ url: served.url, folder: "" }));
  const destination = await hubspot.open({ settings, timezone: "UTC", timeoutMs: 15_000 });
  const words = hubspot.with.parse({});
  let calls = 0;
  let heldUntilMs = 0;
  let next = 0;

  async function sendOne(): Promise<void> {
    const batch = Array.from({ length: CALLS_PER_BATCH }, () => deliveryOf(next++, words));
    for (let left = batch; left.length > 0; ) {
      await delay(Math.max(0, heldUntilMs - performance.now()));
      const outcomes = await sendInTime(destination, left);
      calls += outcomes.filter(({ kind }) => kind === "delivered").length;
      left = left.filter((_, index) => outcomes[index]?.kind !== "delivered");
      for (const outcome of outcomes) heldUntilMs = Math.max(heldUntilMs, performance.now() + waitOf(outcome));
    }
  }

  let stopped = false;
  const lanes = Array.from({ length: hubspot.batch.concurrency }, async () => {
    while (!stopped) await sendOne();
  });
  await delay(10_000);
  const [startMs, callsBefore, requestsBefore] = [performance.now(), calls, requests];
  await delay(seconds * 1_000);
  const [tookSeconds, sent, asked] = [(performance.now() - startMs) / 1_000, calls - callsBefore, requests - requestsBefore];
  stopped = true;
  await Promise.all(lanes);
  await destination.close();
  await served.close();

  const allowed = (REQUESTS_PER_SECOND / REQUESTS_PER_BATCH) * CALLS_PER_BATCH;
  return {
    calls: sent,
    seconds: tookSeconds,
    share: sent / tookSeconds / allowed,
    apiCallsPer1000: (asked / sent) * 1_000,
    floorPer1000: (REQUESTS_PER_BATCH / CALLS_PER_BATCH) * 1_000,
    note:
      `limit ${REQUESTS_PER_SECOND * 10} requests in 10 s, of which a batch of ${CALLS_PER_BATCH} takes ${REQUESTS_PER_BATCH} (upsert, association): ` +
      `${allowed} calls/s; answers take ${latencyMs} ms; ${refused} requests were refused (429)`,
  };
}

async function sendInTime(destination: OpenDestination<HubSpotWith>, deliveries: Delivery<HubSpotWith>[]) {
  return destination.send(deliveries, { signal: AbortSignal.timeout(15_000) });
}

function waitOf(outcome: Outcome): number {
  if (outcome.kind === "delivered") return 0;
  if (outcome.kind === "retry" && outcome.because === "rate-limit") return outcome.retryAfterMs ?? 2_000;
  throw new Error(`the bench met ${JSON.stringify(outcome)}`);
}

/** Calls of three people in turn; all that a route shares by default. */
function deliveryOf(n: number, words: HubSpotWith): Delivery<HubSpotWith> {
  const number = ["+14155550100", "+14155550101", "+14155550102"][n % 3] ?? "";
  const call: SharedCall = {
    call_id: `bench-${n}`,
    agent_id: "agent_abc123",
    from_number: number,
    to_number: "+18005551234",
    duration_seconds: 147,
    start_time: "2025-01-15T14:23:00Z",
    end_time: "2025-01-15T14:25:27Z",
    call_outcome: "answered",
    summary: "Customer called to inquire about January 15 appointment. Confirmed appointment at 2pm. No changes requested.",
    source: "voiceinfra",
    agent: "sales",
    agent_name: "Sales line",
    agent_owner: "sales@example.com",
    direction: "inbound",
    customer_number: number,
    test: false,
  };
  return { key: `voiceinfra/${call.call_id}`, call, with: words, previous: undefined, sinceAcceptedMs: 0, related: undefined };
}

if (import.meta.main) {
  console.log(`${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} cores, node ${process.version}`);
  // An account without unique values on calls needs a search for each hundred calls or fewer, of which HubSpot takes five a second.
  for (const how of [{ latencyMs: 0 }, { latencyMs: 300 }, { account: "plain" }]) {
    const { calls, seconds, share, apiCallsPer1000, floorPer1000, note } = await hubspotFigures(how);
    console.log(
      `HubSpot${"account" in how ? ", calls without unique values" : ""}: ${calls} calls in ${seconds.toFixed(1)} s = ${(calls / seconds).toFixed(0)}/s, ${(share * 100).toFixed(1)} % of its limits`,
    );
    console.log(`  ${apiCallsPer1000.toFixed(2)} requests for 1,000 calls (floor ${floorPer1000}); ${note}`);
  }
}
