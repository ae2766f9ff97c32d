import type { Outcome } from "../../src/connector.ts";
import type { HubSpotApi } from "./client.ts";
import { outcomeOfHubSpotError } from "./outcome.ts";

/** What a call can be put on, as HubSpot's paths name it. */
export type AssociatedKind = "contacts" | "companies" | "deals";

export interface Association {
  callId: string;
  toId: string;
}

/** HubSpot's maximum for one batch (associations guide). */
const MAX_INPUTS = 2_000;

/** The code of an association that HubSpot will not make: one of its ends is not there. */
export const NOT_ASSOCIATED = "not_associated";
const REFUSED: Outcome = {
  kind: "retry",
  because: "record",
  code: NOT_ASSOCIATED,
  reason: "the call is in HubSpot, but could not be put on its contact, company or deal, which may have been deleted or merged",
};

/**
 * Puts calls on records with HubSpot's own types (call to contact 194, to company 182, to deal 206); writing one again changes nothing.
 * Gives those that failed, by the call's id.
 */
export async function associateCalls(options: {
  api: HubSpotApi;
  to: AssociatedKind;
  associations: Association[];
  signal: AbortSignal;
}): Promise<Map<string, Outcome>> {
  const { api, to, associations, signal } = options;
  const failed = new Map<string, Outcome>();
  for (let at = 0; at < associations.length; at += MAX_INPUTS) {
    const part = associations.slice(at, at + MAX_INPUTS);
    for (const [callId, outcome] of await associateBatch({ api, to, associations: part, signal })) failed.set(callId, outcome);
  }
  return failed;
}

async function associateBatch({ api, to, associations, signal }: Parameters<typeof associateCalls>[0]): Promise<Map<string, Outcome>> {
  const inputs = associations.map(({ callId, toId }) => ({ _from: { id: callId }, to: { id: toId } }));
  try {
    const answer = await api.ask(signal, (sdk) => sdk.associations.createDefault("calls", to, { inputs }));
    // A proxy's page of HTML comes back as a text: it associates nobody.
    if (!Array.isArray(answer.results)) return new Map(associations.map(({ callId }) => [callId, REFUSED]));
    if (!answer.errors?.length && !answer.numErrors) return new Map();
    // Results come in both directions, and an error names its ends in a way that is not documented: what has no result has failed.
    const written = new Set(answer.results.flatMap(({ _from, to }) => [`${_from.id}/${to.id}`, `${to.id}/${_from.id}`]));
    const failed = associations.filter(({ callId, toId }) => !written.has(`${callId}/${toId}`));
    return new Map(failed.map(({ callId }) => [callId, REFUSED]));
  } catch (error) {
    const outcome = outcomeOfHubSpotError(error);
    // The record is there: what is refused now may be taken later, with another contact.
    const all = outcome.kind === "rejected" ? REFUSED : outcome;
    return new Map(associations.map(({ callId }) => [callId, all]));
  }
}
