import type { Outcome } from "../../src/connector.ts";
import { outcomeOfSalesforceError } from "./outcome.ts";
import { type Caller, callerKey, type People, type Person } from "./people.ts";

type Found = { people: Person[] } | { outcome: Outcome };

/** Searches under way at once: a batch of 200 strangers takes some seconds so, and stays far from the org's limit of 25 long requests. */
const CONCURRENCY = 8;

const NOBODY: Found = { people: [] };

/** Looks up several callers, each once. */
export async function lookUpAll(options: {
  callers: (Caller | undefined)[];
  people: People;
  signal: AbortSignal;
}): Promise<(caller: Caller | undefined) => Found> {
  const { callers, people, signal } = options;
  const found = new Map<string, Found>();
  const different = new Map(callers.flatMap((caller) => (caller ? [[callerKey(caller), caller] as const] : [])));
  const waiting = [...different.values()];
  let stopped: Found | undefined;

  async function work(): Promise<void> {
    for (let caller = waiting.pop(); caller !== undefined; caller = waiting.pop()) {
      found.set(callerKey(caller), stopped ?? (await lookUp(caller)));
    }
  }

  async function lookUp(caller: Caller): Promise<Found> {
    try {
      return { people: await people.find(caller, { signal }) };
    } catch (error) {
      const outcome = outcomeOfSearch(error);
      // The others would only be told the same.
      if (outcome.kind !== "retry" || outcome.because !== "record") stopped = { outcome };
      return { outcome };
    }
  }

  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, waiting.length) }, work));
  return (caller) => (caller ? (found.get(callerKey(caller)) ?? NOBODY) : NOBODY);
}

/** Nothing was written yet, so nothing is unclear; and a search that is refused is refused for every call. */
function outcomeOfSearch(error: unknown): Outcome {
  const outcome = outcomeOfSalesforceError(error);
  if (outcome.kind === "rejected") {
    const fix = "Give the integration user read access to Contact, Lead and Account, and to their fields Name, Phone and Mobile";
    return { kind: "unauthorized", code: outcome.code, reason: `Salesforce refuses the search by phone (${outcome.code})`, fix };
  }
  if (outcome.kind === "ambiguous") {
    return { kind: "retry", because: "record", code: outcome.code, reason: "the search by phone had no answer; nothing was written" };
  }
  return outcome;
}
