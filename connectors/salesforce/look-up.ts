import type { Outcome } from "../../src/connector.ts";
import { outcomeOfReading } from "./outcome.ts";
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
      const outcome = outcomeOfReading(error, {
        what: "the search by phone",
        fix: "Give the integration user read access to Contact, Lead and Account, and to their fields Name, Phone and Mobile",
      });
      // The others would only be told the same.
      if (outcome.kind !== "retry" || outcome.because !== "record") stopped = { outcome };
      return { outcome };
    }
  }

  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, waiting.length) }, work));
  return (caller) => (caller ? (found.get(callerKey(caller)) ?? NOBODY) : NOBODY);
}
