/** Deliveries that a case hands to a connector itself, as the pipeline would: for promises about one `send`. */
import { type OpenDestination, OpenError, type Outcome, outcomeOfNetworkError, type Receipt, type SharedCall } from "../connector/index.ts";
import type { CallRecord } from "../model/call.ts";
import { describeCall, SOURCE } from "./calls.ts";
import type { Harness } from "./harness.ts";
import type { AnyDelivery } from "./live-cases.ts";

export type AnyDestination = OpenDestination<Record<string, unknown>>;

export function deliveryOf(harness: Harness, record: CallRecord, previous?: Receipt): AnyDelivery {
  const { unknown: _, ...call } = describeCall(record, SOURCE);
  return sharedDeliveryOf(harness, call, previous);
}

/** The same for a call of which the route shares only a part. */
export function sharedDeliveryOf({ connector, runner, sandbox }: Harness, call: SharedCall, previous?: Receipt): AnyDelivery {
  return {
    key: runner.keyOf(call),
    call,
    with: connector.with.parse(sandbox.example) as Record<string, unknown>,
    previous,
    sinceAcceptedMs: 0,
    related: undefined,
  };
}

export function sendDirectly({ timeoutMs }: Harness, destination: AnyDestination, ...deliveries: AnyDelivery[]): Promise<Outcome[]> {
  return destination.send(deliveries, { signal: AbortSignal.timeout(timeoutMs) });
}

/** What one delivery gets of a destination that may fail already when it is opened. */
export async function outcomeOf(harness: Harness, record: CallRecord): Promise<Outcome | undefined> {
  try {
    return (await sendDirectly(harness, await harness.open(), deliveryOf(harness, record)))[0];
  } catch (error) {
    return error instanceof OpenError ? error.outcome : outcomeOfNetworkError(error);
  }
}
