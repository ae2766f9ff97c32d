import type { Outcome } from "../../../src/connector/index.ts";
import type { HubSpotApi } from "../client.ts";
import { outcomeOfHubSpotError, outcomeOfItemError } from "../errors.ts";
import { type AssociatedKind, MAX_ASSOCIATIONS, associateCalls as request } from "../requests.ts";
import { HubSpotRefusal } from "../vendor-error.ts";

export interface Association {
  callId: string;
  toId: string;
}

export interface FailedAssociation extends Association {
  outcome: Outcome;
  /** HubSpot will not have this pair: one of its ends is not there any more. Else it is HubSpot's own trouble. */
  isGone: boolean;
}

export const NOT_ASSOCIATED = "not_associated";

const REFUSED: Outcome = {
  kind: "retry",
  because: "record",
  code: NOT_ASSOCIATED,
  reason: "the call is in HubSpot, but could not be put on its contact, company or deal, which may have been deleted or merged",
};

/** Requests that may be spent on finding the bad pairs of a refused batch. */
const MAX_REQUESTS = 30;

/**
 * Puts calls on records; writing an association again changes nothing. Gives those that failed. HubSpot may refuse a whole batch for one pair in it:
 * it is divided then, so that the others are written.
 */
export async function associateCalls(options: {
  api: HubSpotApi;
  to: AssociatedKind;
  associations: Association[];
  signal: AbortSignal;
}): Promise<FailedAssociation[]> {
  const { api, to, associations, signal } = options;
  const failed: FailedAssociation[] = [];
  let requestsLeft = MAX_REQUESTS;

  async function write(part: Association[]): Promise<void> {
    if (part.length === 0) return;
    requestsLeft -= 1;
    try {
      const answer = await api.ask(signal, request(to, part));
      if (!answer.errors?.length && !answer.numErrors) return;
      // Results come in both directions, and an error names its ends in a way that is not documented: what has no result has failed.
      const written = new Set(answer.results.flatMap(({ from, to }) => [`${from.id}/${to.id}`, `${to.id}/${from.id}`]));
      const why = outcomeOfItems(answer.errors ?? []);
      for (const one of part) if (!written.has(`${one.callId}/${one.toId}`)) failed.push({ ...one, ...why });
    } catch (error) {
      const isRefused = isOneEndGone(error) || outcomeOfHubSpotError(error).kind === "rejected";
      const [first, second] = halvesOf(part);
      if (isRefused && second.length > 0 && requestsLeft > 1) {
        await write(first);
        await write(second);
        return;
      }
      const why = isRefused ? { outcome: REFUSED, isGone: true } : { outcome: outcomeOfHubSpotError(error), isGone: false };
      for (const one of part) failed.push({ ...one, ...why });
    }
  }

  for (let at = 0; at < associations.length; at += MAX_ASSOCIATIONS) await write(associations.slice(at, at + MAX_ASSOCIATIONS));
  return failed;
}

/** A 404 for the whole batch, in HubSpot's words: not the path is missing. */
function isOneEndGone(error: unknown): boolean {
  return error instanceof HubSpotRefusal && error.status === 404 && error.body !== undefined;
}

/** By the records that calls are put on: one that is gone takes all its calls with it. */
function halvesOf(associations: Association[]): [Association[], Association[]] {
  const records = [...new Set(associations.map(({ toId }) => toId))];
  const first = new Set(records.slice(0, Math.ceil(records.length / 2)));
  return [associations.filter(({ toId }) => first.has(toId)), associations.filter(({ toId }) => !first.has(toId))];
}

/** What the errors of a 207 say together: that something is gone, unless each of them is trouble of another kind. */
function outcomeOfItems(errors: unknown[]): { outcome: Outcome; isGone: boolean } {
  const outcomes = errors.map((error) => outcomeOfItemError(error));
  const [trouble] = outcomes;
  const isGone = trouble === undefined || outcomes.some(({ kind }) => kind === "rejected");
  return isGone ? { outcome: REFUSED, isGone } : { outcome: trouble, isGone };
}
