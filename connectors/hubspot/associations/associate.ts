import { chunk, halves, type Outcome, splitOnRefusal } from "../../../src/connector/index.ts";
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
  /** One end of the pair does not exist any more. Otherwise HubSpot itself is in trouble. */
  isGone: boolean;
}

export const NOT_ASSOCIATED = "not_associated";

const GONE = {
  outcome: {
    kind: "retry",
    because: "record",
    code: NOT_ASSOCIATED,
    reason: "the call is in HubSpot, but could not be put on its contact, company or deal, which may have been deleted or merged",
  },
  isGone: true,
} satisfies Omit<FailedAssociation, keyof Association>;

/** Requests that may be spent on finding the bad pairs of a refused batch. */
const MAX_REQUESTS = 30;

/**
 * Puts calls on records, and returns the pairs that failed; writing an association again changes nothing. HubSpot may refuse a whole batch because of
 * one pair: the batch is split then, so that the others are written.
 */
export async function associateCalls(options: {
  api: HubSpotApi;
  to: AssociatedKind;
  associations: Association[];
  signal: AbortSignal;
}): Promise<FailedAssociation[]> {
  const { api, to, associations, signal } = options;
  const budget = { left: MAX_REQUESTS - 1 };

  async function write(part: Association[]): Promise<("written" | Failure)[]> {
    const answer = await api.ask(signal, request(to, part));
    if (!answer.errors?.length && !answer.numErrors) return part.map(() => "written");
    // Results come in both directions, and how an error names its ends is not documented: a pair without a result has failed.
    const written = new Set(answer.results.flatMap(({ from, to }) => [`${from.id}/${to.id}`, `${to.id}/${from.id}`]));
    const why = failureOfItems(answer.errors ?? []);
    return part.map((pair) => (written.has(`${pair.callId}/${pair.toId}`) ? "written" : why));
  }

  const failed: FailedAssociation[] = [];
  for (const items of chunk(associations, MAX_ASSOCIATIONS)) {
    const results = await splitOnRefusal<Association, "written" | Failure>({
      items,
      write,
      refusalOf: (error) => (isRefusal(error) ? GONE : { outcome: outcomeOfHubSpotError(error), isGone: false }),
      divide,
      budget,
    });
    for (const [index, pair] of items.entries()) {
      const result = results[index];
      if (result && result !== "written") failed.push({ ...pair, ...result });
    }
  }
  return failed;
}

type Failure = Omit<FailedAssociation, keyof Association>;

/** A 404 for a whole batch, in HubSpot's words, says that one end is gone; the path exists. */
function isRefusal(error: unknown): boolean {
  const isOneEndGone = error instanceof HubSpotRefusal && error.status === 404 && error.body !== undefined;
  return isOneEndGone || outcomeOfHubSpotError(error).kind === "rejected";
}

/** By the records that calls are put on: a record that is gone fails with all its calls. */
function divide(pairs: readonly Association[], error: unknown): { refused: readonly Association[]; parts: Association[][] } {
  const records = [...new Set(pairs.map(({ toId }) => toId))];
  if (!isRefusal(error) || records.length === 1) return { refused: pairs, parts: [] };
  return { refused: [], parts: halves(records).map((some) => pairs.filter(({ toId }) => some.includes(toId))) };
}

/** What the errors of a 207 say together: that something is gone, unless each of them is trouble of another kind. */
function failureOfItems(errors: unknown[]): Failure {
  const outcomes = errors.map((error) => outcomeOfItemError(error));
  const [trouble] = outcomes;
  const isGone = trouble === undefined || outcomes.some(({ kind }) => kind === "rejected");
  return isGone ? GONE : { outcome: trouble, isGone };
}
