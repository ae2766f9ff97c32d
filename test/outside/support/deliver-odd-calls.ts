import type { Connector } from "../../../src/connector/index.ts";
import { deliveryOf } from "../../support/documented-call.ts";
import { openRecorded, type WrittenRequest } from "../../support/written-requests.ts";
import { ODD_CALLS } from "./odd-calls.ts";

/** What a connector writes for each of the odd calls, delivered one after the other to its sandbox. */
export async function requestsForOddCalls(connector: Connector): Promise<{ what: string; request: WrittenRequest }[]> {
  const { destination, requests = [], example } = await openRecorded(connector);
  const rendered = connector.with.parse(example) as Record<string, unknown>;
  const written: { what: string; request: WrittenRequest }[] = [];
  for (const [what, call] of Object.entries(ODD_CALLS)) {
    requests.length = 0;
    const key = connector.keeps === "message" ? `${call.source}/${call.call_id}/a-route` : `${call.source}/${call.call_id}`;
    const [outcome] = await destination.send([deliveryOf({ call, key, with: rendered })], { signal: AbortSignal.timeout(10_000) });
    if (outcome?.kind !== "delivered") throw new Error(`${what} was not delivered: ${JSON.stringify(outcome)}`);
    written.push(...requests.map((request) => ({ what, request })));
  }
  return written;
}
