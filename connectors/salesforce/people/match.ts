import { choosePeople, customersOf, type Delivery, type Outcome, type PossibleCustomer, whenNobody } from "../../../src/connector/index.ts";
import { outcomeOfReading } from "../errors.ts";
import type { SalesforceWith } from "../mapping.ts";
import type { MakeContacts } from "./create.ts";
import type { Candidate } from "./find.ts";
import type { Found, People } from "./people.ts";

/** Who a call is to be logged on. */
export interface Matched {
  person?: Candidate;
  /** How many have the number; undefined where nobody was asked. */
  found?: number;
  /** Salesforce's code for why no contact could be made. */
  refused?: string;
  /** What a contact that was made is without, and Salesforce's code for why. */
  leftOut?: { field: string; code: string }[];
}

export type Decided = Map<string, Matched | { outcome: Outcome }>;

/** Earlier versions of the call have been logged on somebody: that is not decided again, by whomever it was decided. */
export function isLinked({ previous }: Delivery<SalesforceWith>): boolean {
  return previous?.extra?.who_id !== undefined || previous?.extra?.what_id !== undefined;
}

/** The numbers that may be the customer's, but for those that belong to nobody. */
export function customersIn({ call, with: { match } }: Delivery<SalesforceWith>): PossibleCustomer[] {
  return customersOf(call).filter(({ number }) => !match.never?.includes(number));
}

/**
 * Finds, chooses or makes the person of each call; by the delivery's key. `ownerOf`: the call's owner as Salesforce names it. `isReplaced`: the person
 * of before is gone, and another one is looked for also where that was decided.
 */
export async function matchPeople(options: {
  deliveries: Delivery<SalesforceWith>[];
  people: People;
  makeContacts: MakeContacts;
  ownerOf(delivery: Delivery<SalesforceWith>): string | undefined;
  isReplaced: boolean;
  /** Who took the place of a call's person, by its key, where a search does not know it yet. */
  heirs: ReadonlyMap<string, Candidate>;
  signal: AbortSignal;
}): Promise<Decided> {
  const { deliveries, people, makeContacts, ownerOf, isReplaced, heirs, signal } = options;
  const decided: Decided = new Map();
  const strangers: { key: string; number: string; owner: string | undefined }[] = [];

  const searched = deliveries.flatMap((delivery) => {
    const customers = isLinked(delivery) && !isReplaced ? [] : customersIn(delivery);
    return customers.length === 0 ? [] : [{ delivery, customers, fields: delivery.with.match.phone_fields }];
  });
  const groups = Map.groupBy(searched, ({ fields }) => fields?.join(","));
  for (const group of groups.values()) {
    const numbers = group.flatMap(({ customers }) => customers.map(({ number }) => number));
    const found = await people.find({ numbers, phoneFields: group[0]?.fields, signal });
    for (const { delivery, customers } of group) decided.set(delivery.key, decide(delivery, customers, found));
  }

  const made = await makeContacts(strangers, signal);
  for (const { key, number } of strangers) decided.set(key, made.get(number) ?? { found: 0 });
  return decided;

  function decide(delivery: Delivery<SalesforceWith>, customers: PossibleCustomer[], found: Found) {
    const matches = found.of(customers);
    if ("error" in matches) return { outcome: outcomeOfSearch(matches.error) };
    const { candidates } = matches;
    const [person] = choosePeople({ candidates, onMany: delivery.with.match.on_many, owner: ownerOf(delivery) });
    if (person || candidates.length > 0) return { ...(person && { person }), found: candidates.length };
    const heir = heirs.get(delivery.key);
    if (heir) return { person: heir, found: 1 };
    const { match, associate } = delivery.with;
    const then = whenNobody({ onNone: match.on_none, sinceAcceptedMs: delivery.sinceAcceptedMs, numbers: customers.length });
    // A Contact that the call is not logged on would stand there without a reason.
    if (then === "create_contact" && associate.includes("contact"))
      strangers.push({ key: delivery.key, number: customers[0]?.number ?? "", owner: ownerOf(delivery) });
    // What is logged already does not wait: a later version brings its news now.
    if (typeof then === "string" || delivery.previous) return { found: 0 };
    return { outcome: notYet(then.againInMs) };
  }
}

function notYet(retryAfterMs: number): Outcome {
  const reason = "nobody in Salesforce has the number yet: looked for again until the wait of on_none is over";
  return { kind: "retry", because: "not-yet", code: "no_person_yet", reason, retryAfterMs };
}

function outcomeOfSearch(error: unknown): Outcome {
  return outcomeOfReading(error, {
    what: "the search by phone",
    fix: "Give the integration user read access to Contact, Lead and Account, and to their fields Name, Phone and Mobile, or those of match.phone_fields",
  });
}
