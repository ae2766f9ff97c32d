import type { Connector, Outcome } from "../connector.ts";
import type { Claim, Settlement } from "../ledger/ledger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Call } from "../model/call.ts";
import { type Route, RouteFault } from "../route.ts";
import { deliveryKey } from "./key.ts";
import type { Sender } from "./sender.ts";
import { settlementOf } from "./settle.ts";

/** A call that this process holds the claim of. */
export interface ClaimedCall {
  claim: Claim;
  call: Call;
  /** The raw record: kept in the ledger if the delivery has to wait. */
  body: Uint8Array;
}

/** How one try ended: for the ledger, and, if the destination was asked, what it said. */
export interface Attempted {
  settlement: Settlement;
  outcome: Outcome | undefined;
}

/** map → send: one try at one delivery. Never throws; whatever happens becomes a settlement. */
export async function attempt(options: { claimed: ClaimedCall; route: Route; sender: Sender; clock: Clock }): Promise<Attempted> {
  const { claimed, route, sender, clock } = options;
  const { claim, call, body } = claimed;
  const { connector } = route.to;

  let mapped: ReturnType<Route["map"]>;
  try {
    mapped = route.map(call);
  } catch (error) {
    return { settlement: settlementOfFault(error, body), outcome: undefined };
  }
  const delivery = { key: deliveryKey(route, call), call: mapped.call, with: mapped.with, previous: claim.receipt };
  const outcome = await sendOnce({ delivery, ambiguous: claim.ambiguous, connector, sender });
  const { attempts, ambiguous } = claim;
  const { sentFields } = mapped;
  return { settlement: settlementOf({ outcome, connector, attempts, ambiguous, sentFields, body, random: clock.random }), outcome };
}

/** An unclear earlier attempt is looked for first where sending again would make a second message. */
async function sendOnce(options: {
  delivery: Parameters<Sender["send"]>[0];
  ambiguous: boolean;
  connector: Pick<Connector, "duplicates">;
  sender: Sender;
}): Promise<Outcome> {
  const { delivery, ambiguous, connector, sender } = options;
  if (!ambiguous || connector.duplicates === "native-key") return sender.send(delivery);
  if (connector.duplicates === "none") return { kind: "ambiguous", code: "claim_expired", reason: "an earlier attempt may have sent it" };
  try {
    const receipt = await sender.find(delivery);
    // Found, it may be of an older version of the call: sending with the receipt edits it.
    return await sender.send(receipt ? { ...delivery, previous: receipt } : delivery);
  } catch {
    return {
      kind: "ambiguous",
      code: "look_up_failed",
      reason: "an earlier attempt may have sent it, and the destination cannot be asked",
    };
  }
}

/** A `when` or a mapping that fails on a call fails on it each time. */
export function settlementOfFault(error: unknown, body: Uint8Array): Settlement {
  if (error instanceof RouteFault) return { kind: "dead", errorCode: error.code, reason: error.message, body };
  const name = error instanceof Error ? error.name : "unknown";
  return { kind: "dead", errorCode: "mapping_fault", reason: `the mapping failed (${name})`, body };
}
