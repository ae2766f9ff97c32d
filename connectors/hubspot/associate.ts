import { type Outcome, untilAborted } from "../../src/connector.ts";
import type { HubSpotApi } from "./client.ts";
import { outcomeOfHubSpotError } from "./outcome.ts";

export interface Association {
  callId: string;
  contactId: string;
}

const NOT_ASSOCIATED: Outcome = {
  kind: "retry",
  because: "record",
  code: "not_associated",
  reason: "the call is in HubSpot, but could not be put on its contact, which may have been deleted or merged",
};

/** Puts calls on contacts, up to 2,000; writing one again changes nothing. Gives those that failed, by the call's id. */
export async function associateCalls(options: {
  api: HubSpotApi;
  associations: Association[];
  signal: AbortSignal;
}): Promise<Map<string, Outcome>> {
  const { api, associations, signal } = options;
  if (associations.length === 0) return new Map();
  const inputs = associations.map(({ callId, contactId }) => ({ _from: { id: callId }, to: { id: contactId } }));
  const failAll = (outcome: Outcome) => new Map(associations.map(({ callId }) => [callId, outcome]));
  try {
    const answer = await untilAborted(signal, () => api.associations.createDefault("calls", "contacts", { inputs }));
    if (!answer.errors?.length && !answer.numErrors) return new Map();
    // Results come in both directions, and an error names its ends in a way that is not documented: what has no result has failed.
    const written = new Set(answer.results.flatMap(({ _from, to }) => [`${_from.id}/${to.id}`, `${to.id}/${_from.id}`]));
    const failed = associations.filter(({ callId, contactId }) => !written.has(`${callId}/${contactId}`));
    return new Map(failed.map(({ callId }) => [callId, NOT_ASSOCIATED]));
  } catch (error) {
    const outcome = outcomeOfHubSpotError(error);
    // The record is there: what is refused now may be taken later, with another contact.
    return failAll(outcome.kind === "rejected" ? NOT_ASSOCIATED : outcome);
  }
}
