import { createSemaphore } from "../../lib/async/semaphore.ts";
import type { PossibleCustomer } from "../../model/customer.ts";
import type { Outcome } from "../../model/outcome.ts";
import { callingCodeOf, isSameNumber } from "../../model/phone.ts";
import { createCache } from "./cache.ts";
import type { Crm, CrmPerson, CrmSearch } from "./people-types.ts";

/** Who has one of a call's numbers; `total`: how many, also of those that were not read. */
export type Found<P> = { people: P[]; total: number } | { outcome: Outcome };

/** A call's numbers. `isFresh`: that nobody has them must be the CRM's answer of now. */
interface Wanted {
  customers: readonly PossibleCustomer[];
  fields: readonly string[] | undefined;
  isFresh: boolean;
}

/** Everybody who may have a number, wherever the call was made from. */
type Searched<P> = { people: readonly P[]; unread?: number } | { outcome: Outcome };

type Pending<P> = Searched<P> | Promise<Searched<P>>;

/** The search by number, with its memory. */
export interface PeopleSearch<P> {
  /** In the order of `wanted`; undefined where a call has no numbers. Each number is searched for once, also by several batches at once. Never throws. */
  find(wanted: readonly Wanted[], options: Pick<CrmSearch, "maxWaitMs" | "signal">): Promise<(Found<P> | undefined)[]>;
  /** The person that was created for a number, while a search may miss it. */
  createdFor(number: string): P | undefined;
  remember(number: string, created: P): void;
  forget(numbers: readonly string[]): void;
  gone(id: string): void;
}

const MAX_ENTRIES = 10_000;

export function createPeopleSearch<P extends CrmPerson>(crm: Crm<P>): PeopleSearch<P> {
  const { rememberMs } = crm;
  const ttlMs = (searched: { people: readonly P[] }) => (searched.people.length > 0 ? rememberMs.found : rememberMs.nobody);
  const known = createCache<{ people: readonly P[]; unread?: number }>({ maxEntries: MAX_ENTRIES, ttlMs });
  /** By number alone: a route with other `phone_fields` must not create the person again. */
  const created = createCache<{ person: P; atMs: number }>({ maxEntries: MAX_ENTRIES, ttlMs: rememberMs.created });
  const gone = createCache<true>({ maxEntries: MAX_ENTRIES, ttlMs: rememberMs.gone });
  const searching = new Map<string, Promise<Searched<P>>>();
  const fieldKeys = new Set<string>();

  function createdFor(number: string): P | undefined {
    const person = created.get(number)?.person;
    return person && !gone.get(person.id) ? person : undefined;
  }

  /** A number that was typed without a country is the customer's or not, depending on where the call was made from. */
  function having(customer: PossibleCustomer, { people }: { people: readonly P[] }): P[] {
    return people.filter(({ id, numbers }) => !gone.get(id) && numbers.some((typed) => isSameNumber(typed, customer)));
  }

  /** Memory's answer, or that of a search which is under way. */
  function answerFor(customer: PossibleCustomer, { fields, isFresh }: Wanted): Pending<P> | undefined {
    const person = createdFor(customer.number);
    if (person) return { people: [person] };
    const place = placeOf(customer, fields);
    const remembered = known.get(place);
    const isEnough = remembered && (!isFresh || having(customer, remembered).length > 0);
    return isEnough ? remembered : searching.get(place);
  }

  function startSearches(customers: readonly PossibleCustomer[], how: Omit<CrmSearch, "customers">): Map<string, Promise<Searched<P>>> {
    const slots = createSemaphore(crm.concurrency ?? Number.POSITIVE_INFINITY);
    let failed: { outcome: Outcome } | undefined;
    const searchGroup = async (group: PossibleCustomer[]): Promise<Searched<P>> => {
      await slots.acquire();
      try {
        return failed ?? (await crm.search({ customers: group, ...how }));
      } catch (error) {
        failed = { outcome: crm.outcomeOfSearchError(error) };
        return failed;
      } finally {
        slots.release();
      }
    };
    const started = new Map<string, Promise<Searched<P>>>();
    for (const group of crm.groups?.(customers) ?? customers.map((customer) => [customer])) {
      const answer = searchGroup(group);
      for (const customer of group) {
        const place = placeOf(customer, how.fields);
        const searched = answer.then((one) => {
          searching.delete(place);
          return "outcome" in one ? one : keep(place, customer.number, one);
        });
        searching.set(place, searched);
        started.set(place, searched);
      }
    }
    return started;
  }

  function keep(place: string, number: string, { people, unread }: { people: readonly P[]; unread?: number }): Searched<P> {
    // As a number of its own country, which passes most: `having` is stricter.
    const anywhere = { number, homeCode: callingCodeOf(number) };
    const theirs = people.filter(({ numbers }) => numbers.some((typed) => isSameNumber(typed, anywhere)));
    const searched = { people: theirs, ...(unread === undefined ? {} : { unread }) };
    known.set(place, searched);
    return searched;
  }

  async function foundOf(customers: readonly PossibleCustomer[], answerOf: (customer: PossibleCustomer) => Pending<P>): Promise<Found<P>> {
    const people = new Map<string, P>();
    let unread = 0;
    for (const customer of customers) {
      const searched = await answerOf(customer);
      // It may have been created while the search was under way.
      const own = createdFor(customer.number);
      const answer = own ? { people: [own] } : searched;
      if ("outcome" in answer) return answer;
      for (const person of having(customer, answer)) people.set(person.id, person);
      unread += answer.unread ?? 0;
    }
    const counting = crm.prefer?.([...people.values()]) ?? [...people.values()];
    return { people: counting, total: counting.length + unread };
  }

  return {
    async find(wanted, options) {
      const answers = new Map<string, Pending<P>>();
      for (const [key, group] of Map.groupBy(wanted, ({ fields }) => keyOf(fields))) {
        fieldKeys.add(key);
        const missing = new Map<string, PossibleCustomer>();
        for (const one of group) {
          for (const customer of one.customers) {
            const answer = answerFor(customer, one);
            if (answer) answers.set(placeOf(customer, one.fields), answer);
            else missing.set(customer.number, customer);
          }
        }
        const started = startSearches([...missing.values()], { fields: group[0]?.fields, ...options });
        for (const [place, searched] of started) answers.set(place, searched);
      }
      return Promise.all(
        wanted.map(({ customers, fields }) =>
          customers.length === 0 ? undefined : foundOf(customers, (customer) => answers.get(placeOf(customer, fields)) ?? { people: [] }),
        ),
      );
    },
    createdFor,
    remember: (number, person) => created.set(number, { person, atMs: performance.now() }),
    forget(numbers) {
      for (const number of numbers) {
        for (const key of fieldKeys) known.delete(`${number} ${key}`);
        const own = created.get(number);
        if (own && performance.now() - own.atMs >= crm.searchLagMs) created.delete(number);
      }
    },
    gone: (id) => gone.set(id, true),
  };
}

const keyOf = (fields: readonly string[] | undefined) => fields?.join(",") ?? "";
const placeOf = ({ number }: PossibleCustomer, fields: readonly string[] | undefined) => `${number} ${keyOf(fields)}`;
