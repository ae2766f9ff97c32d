import { abortable } from "../../lib/async/timeout.ts";
import type { Outcome } from "../../model/outcome.ts";
import { chunk } from "./batches.ts";
import { createCache } from "./cache.ts";
import type { PeopleSearch } from "./people-search.ts";
import type { Creation, Crm, CrmPerson, NewPerson, PersonMatch } from "./people-types.ts";

/**
 * Creates people for numbers that nobody has: one for each number in this process, however many calls ask. Two processes that meet a new number at the
 * same moment can create one each: no CRM keeps phone numbers unique.
 * The answers come in the order of `wanted`. Never throws.
 */
export function createPeopleCreation<P extends CrmPerson>(crm: Crm<P>, search: PeopleSearch<P>) {
  const creating = new Map<string, Promise<PersonMatch<P>>>();
  /** Until when a person may exist that no answer has named. It outlives the attempt, which cannot report it once its time is over. */
  const unclearUntilMs = createCache<number>({ maxEntries: 10_000, ttlMs: crm.searchLagMs });

  return async function create(wanted: readonly NewPerson[], signal: AbortSignal): Promise<PersonMatch<P>[]> {
    const fresh = new Map<string, NewPerson>();
    for (const one of wanted) if (!fresh.has(one.number) && !answerWithout(one.number)) fresh.set(one.number, one);
    for (const some of chunk([...fresh.values()], crm.creationsAtOnce)) startCreating(some, signal);
    return Promise.all(wanted.map(({ number }) => answerWithout(number) ?? { people: [], found: 0 }));
  };

  /** What is known of a number without another request. */
  function answerWithout(number: string): Promise<PersonMatch<P>> | PersonMatch<P> | undefined {
    const underWay = creating.get(number);
    if (underWay) return underWay;
    const person = search.createdFor(number);
    if (person) return { people: [person], found: 1 };
    const untilMs = unclearUntilMs.get(number);
    return untilMs === undefined ? undefined : { outcome: unclear(untilMs - performance.now()) };
  }

  function startCreating(people: NewPerson[], signal: AbortSignal): void {
    for (const { number } of people) unclearUntilMs.set(number, performance.now() + crm.searchLagMs);
    const created = abortable(signal, async () => {
      const answers = await crm.create(people, { signal });
      for (const { number } of people) note(number, answers.get(number));
      return answers;
    }).catch(() => new Map<string, Creation<P>>());
    for (const { number } of people) {
      const match = created.then((answers) => matchOf(answers.get(number) ?? { isUnclear: true }));
      creating.set(number, match);
      void match.finally(() => creating.delete(number));
    }
  }

  /** Also of an answer that comes after the attempt. */
  function note(number: string, answer: Creation<P> | undefined): void {
    search.forget([number]);
    if (answer && "person" in answer) search.remember(number, answer.person);
    if (answer && !("isUnclear" in answer)) unclearUntilMs.delete(number);
  }

  function matchOf(answer: Creation<P>): PersonMatch<P> {
    if ("person" in answer) return { people: [answer.person], found: 1, ...(answer.leftOut && { leftOut: answer.leftOut }) };
    if ("refused" in answer) return { people: [], found: 0, refused: answer.refused };
    return { outcome: answer.outcome ?? unclear(crm.searchLagMs) };
  }

  /** The next try comes when a search shows the person. */
  function unclear(retryAfterMs: number): Outcome {
    const reason = `${crm.title} may have created the contact, and its search does not show it yet`;
    return { kind: "retry", because: "record", code: "contact_unclear", reason, retryAfterMs: Math.ceil(retryAfterMs) };
  }
}
