/**
 * Finds the people that calls belong to, in any CRM: number → search → choose → nobody: wait, create, or log the call alone → remember → forget what
 * is gone. A CRM is one value, a {@link Crm}: its requests, and its limits.
 */

import { customersOf, type PossibleCustomer } from "../../model/customer.ts";
import type { Outcome } from "../../model/outcome.ts";
import { choosePeople, whenNobody } from "./crm.ts";
import { createPeopleCreation } from "./people-create.ts";
import { createPeopleSearch, type Found } from "./people-search.ts";
import type { CallToMatch, Crm, CrmPerson, PersonMatch } from "./people-types.ts";

export interface People<P> {
  /**
   * The person of each call, by the delivery's key. `searchUntilMs`, of `performance.now()`: no search waits longer for its turn. Never throws.
   */
  match(calls: readonly CallToMatch<P>[], options: { searchUntilMs?: number; signal: AbortSignal }): Promise<Map<string, PersonMatch<P>>>;
  /** The next match of the call's numbers asks the CRM. */
  forget(delivery: CallToMatch<P>["delivery"]): void;
  /** The CRM says that this record does not exist: no call is matched with it, also while a search still shows it. */
  gone(id: string): void;
}

/** What a call becomes if nobody has its number. */
type IfNobody = "create" | "log alone" | { againInMs: number };

export function createPeople<P extends CrmPerson>(crm: Crm<P>): People<P> {
  const search = createPeopleSearch(crm);
  const create = createPeopleCreation(crm, search);

  return {
    async match(calls, { searchUntilMs = Number.POSITIVE_INFINITY, signal }) {
      const wanted = calls.map((call) => {
        const customers = customersIn(call.delivery);
        const ifNobody = ifNobodyHas(customers, call);
        return { call, customers, fields: call.delivery.with.match.phone_fields, ifNobody, isFresh: ifNobody === "create" };
      });
      const found = await search.find(wanted, { maxWaitMs: Math.max(0, searchUntilMs - performance.now()), signal });
      const matches = wanted.map((one, index) => matchOf(one, found[index]));
      const missing = wanted.filter((_, index) => matches[index] === undefined);
      const created = await create(
        missing.map(({ call, customers: [first], fields }) => ({ number: first?.number ?? "", fields, owner: call.owner })),
        signal,
      );
      return new Map(wanted.map(({ call }, index) => [call.delivery.key, matches[index] ?? created.shift() ?? { people: [] }]));
    },
    forget: (delivery) => search.forget(customersIn(delivery).map(({ number }) => number)),
    gone: search.gone,
  };

  /** Undefined: a person is to be created. */
  function matchOf(
    { call, ifNobody }: { call: CallToMatch<P>; ifNobody: IfNobody },
    found: Found<P> | undefined,
  ): PersonMatch<P> | undefined {
    if (!found) return { people: [] };
    if ("outcome" in found) return found;
    const { people: candidates, total } = found;
    const { on_many: onMany } = call.delivery.with.match;
    if (candidates.length > 0) return { people: choosePeople({ candidates, onMany, owner: call.owner }), found: total };
    if (call.successor) return { people: [call.successor], found: 1 };
    if (ifNobody === "create") return undefined;
    return ifNobody === "log alone" ? { people: [], found: total } : { outcome: nobodyYet(ifNobody.againInMs) };
  }

  function ifNobodyHas(customers: readonly PossibleCustomer[], { delivery }: CallToMatch<P>): IfNobody {
    const { previous, sinceAcceptedMs, with: words } = delivery;
    const next = whenNobody({ onNone: words.match.on_none, sinceAcceptedMs, numbers: customers.length });
    // What is logged already does not wait: a later version brings its news now.
    if (typeof next === "object") return previous ? "log alone" : next;
    // A person that the call is not logged on would be in the CRM without a reason.
    const mayCreate = words.associate.includes("contact") && (!previous || crm.createsForUpdates);
    return next === "create_contact" && mayCreate ? "create" : "log alone";
  }

  function nobodyYet(againInMs: number): Outcome {
    const reason = `nobody in ${crm.title} has the number yet: it is searched for again until the wait of on_none is over`;
    return { kind: "retry", because: "not-yet", code: "no_person_yet", reason, retryAfterMs: Math.ceil(againInMs) };
  }
}

/** The numbers that may be the customer's, without those that the route calls nobody's. */
function customersIn({ call, with: { match } }: CallToMatch<unknown>["delivery"]): PossibleCustomer[] {
  return customersOf(call).filter(({ number }) => !match.never?.includes(number));
}
