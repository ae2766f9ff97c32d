import { describe, expect, test } from "vitest";
import { connectors } from "../../connectors/index.ts";
import type { Receipt, SharedCall } from "../../src/connector/index.ts";
import { deliveryOf } from "../support/documented-call.ts";
import { GOLDEN_CALLS } from "../support/golden-calls.ts";
import { openRecorded } from "../support/written-requests.ts";

/**
 * What each connector writes for a dozen calls, as files that a person has read: `connectors/<name>/golden/`. A change of what a salesperson sees
 * shows in the diff. `npm test -- -u test/connector/golden.test.ts` writes them again.
 */
describe.each(Object.values(connectors))("$title, for each of a dozen calls", (connector) => {
  test.each(Object.entries(GOLDEN_CALLS))("writes what it wrote before: %s", async (name, call) => {
    const { destination, requests, records, example } = await openRecorded(connector);
    const key = connector.keeps === "message" ? `${call.source}/${call.call_id}/a-route` : `${call.source}/${call.call_id}`;
    const rendered = connector.with.parse(example) as Record<string, unknown>;
    const sendNow = async (call: SharedCall, previous?: Receipt) => {
      const [outcome] = await destination.send([deliveryOf({ call, key, with: rendered, previous })], {
        signal: AbortSignal.timeout(10_000),
      });
      // A message that cannot be edited stands.
      if (previous && outcome?.kind === "skipped" && connector.keeps === "message" && !connector.edits) return previous;
      if (outcome?.kind !== "delivered") throw new Error(`${name} was not delivered: ${JSON.stringify(outcome)}`);
      return outcome.receipt;
    };
    // A later version of a call comes after the first one, and with its receipt.
    const earlier = GOLDEN_CALLS.answered?.call_id === call.call_id && name !== "answered" ? GOLDEN_CALLS.answered : undefined;
    await sendNow(call, earlier && (await sendNow(earlier)));
    const written = requests?.map(({ method, path, body }) => ({ method, path, body })) ?? (await records()).map(withoutClock);
    const file = `../../connectors/${connector.name}/golden/${name.toLowerCase().replace(/\W+/g, "-")}.json`;
    await expect(`${withoutTimestamps(shortened(JSON.stringify(written, null, 2)))}\n`).toMatchFileSnapshot(file);
  });
});

/** Columns that hold the moment of writing. */
function withoutClock(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !["delivered_at", "updated_at"].includes(name)));
}

/** Slack's name of a message is the moment at which it was posted. */
function withoutTimestamps(json: string): string {
  return json.replace(/"(ts|thread_ts)": [\d.]+/g, '"$1": "<of the message>"');
}

/** A long transcript is told by its ends and its length. */
function shortened(json: string): string {
  return json.replace(
    /"(?:[^"\\]|\\.){3000,}"/g,
    (text) => `"${text.slice(1, 1200)} [… ${text.length - 2} characters …] ${text.slice(-200, -1)}"`,
  );
}
