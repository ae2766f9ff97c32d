import { choosePeople, type Delivery, homeCodeOf, type Outcome, whenNobody } from "../../src/connector.ts";
import type { MakeContacts } from "./make-contacts.ts";
import { outcomeOfReading } from "./outcome.ts";
import type { People } from "./people.ts";
import type { Candidate } from "./search.ts";
import type { SalesforceWith } from "./with.ts";

/** Whom a call is to be logged on. */
export interface Whom {
  person?: Candidate;
  /** How many have the number; undefined where nobody was asked. */
  found?: number;
  /** Salesforce's code for why no contact could be made. */
  refused?: string;
}

type Decided = Map<string, Whom | { outcome: Outcome }>;

/** Earlier versions of the call have been logged on somebody: that is not decided again, by whomever it was decided. */
export function isLinked({ previous }: Delivery<SalesforceWith>): boolean {
  return previous?.extra?.who_id !== undefined || previous?.extra?.what_id !== undefined;
}

/** The customer's number, where somebody is to be looked for by it. */
export function numberOf(delivery: Delivery<SalesforceWith>): string | undefined {
  const { customer_number } = delivery.call;
  if (!customer_number || isLinked(delivery) || delivery.with.match.never?.includes(customer_number)) return undefined;
  return customer_number;
}

/** Finds, chooses or makes the person of each call; by the delivery's key. `ownerOf`: the call's owner as Salesforce names it. */
export async function decideWhom(options: {
  deliveries: Delivery<SalesforceWith>[];
  people: People;
  makeContacts: MakeContacts;
  ownerOf(delivery: Delivery<SalesforceWith>): string | undefined;
  signal: AbortSignal;
}): Promise<Decided> {
  const { deliveries, people, makeContacts, ownerOf, signal } = options;
  const decided: Decided = new Map();
  const strangers: { key: string; number: string; owner: string | undefined }[] = [];

  const searched = deliveries.flatMap((delivery) => {
    const number = numberOf(delivery);
    return number === undefined ? [] : [{ delivery, number, fields: delivery.with.match.phone_fields }];
  });
  const groups = Map.groupBy(searched, ({ fields }) => fields?.join(","));
  for (const group of groups.values()) {
    const found = await people.find({ numbers: group.map(({ number }) => number), phoneFields: group[0]?.fields, signal });
    for (const { delivery, number } of group) decided.set(delivery.key, decide(delivery, number, found));
  }

  const made = await makeContacts(strangers, signal);
  for (const { key, number } of strangers) decided.set(key, made.get(number) ?? { found: 0 });
  return decided;

  function decide(delivery: Delivery<SalesforceWith>, number: string, found: Awaited<ReturnType<People["find"]>>) {
    const matches = found.of({ number, homeCode: homeCodeOf(delivery.call) });
    if ("error" in matches) return { outcome: outcomeOfSearch(matches.error) };
    const { candidates } = matches;
    const [person] = choosePeople({ candidates, onMany: delivery.with.match.on_many, owner: ownerOf(delivery) });
    if (person || candidates.length > 0) return { ...(person && { person }), found: candidates.length };
    const then = whenNobody({ onNone: delivery.with.match.on_none, sinceAcceptedMs: delivery.sinceAcceptedMs });
    // A Contact that the call is not logged on would stand there without a reason.
    if (then === "create_contact" && delivery.with.associate.includes("contact"))
      strangers.push({ key: delivery.key, number, owner: ownerOf(delivery) });
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
