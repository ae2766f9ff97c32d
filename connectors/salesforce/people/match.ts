import type { Crm, Delivery } from "../../../src/connector/index.ts";
import type { Session } from "../client.ts";
import type { SalesforceWith } from "../mapping.ts";
import { createContacts } from "./create.ts";
import { inSearches, outcomeOfSearchError, type SalesforcePerson, searchPeople } from "./find.ts";
import { createPhoneFields, KINDS } from "./phone-fields.ts";

/** Contacts, Leads and Accounts, as the engine of all CRMs uses them. A person that was created is found by a query, which has no lag. */
export function salesforceCrm(options: { session: Session }): Crm<SalesforcePerson> {
  const { session } = options;
  const phoneFieldsOf = createPhoneFields({ session });
  return {
    title: "Salesforce",
    // A first-time caller is often entered right after the call.
    rememberMs: { found: 5 * 60_000, nobody: 30_000, gone: 15 * 60_000, created: 0 },
    searchLagMs: 0,
    createsForUpdates: true,
    groups: inSearches,
    // Far from the org's limit of 25 long requests.
    concurrency: 4,
    async search({ customers, fields, signal }) {
      const numbers = customers.map(({ number }) => number);
      return { people: await searchPeople({ session, numbers, fields: await phoneFieldsOf(fields, signal), signal }) };
    },
    outcomeOfSearchError,
    prefer(people) {
      const kind = KINDS.find((one) => people.some((person) => person.kind === one));
      return people.filter((person) => person.kind === kind);
    },
    // As many as one request takes.
    creationsAtOnce: 200,
    create: (people, { signal }) => createContacts({ session, people, signal }),
  };
}

/** An earlier version of the call is logged on a person, by us or by somebody's choice: that stays. */
export function isLinked({ previous }: Delivery<SalesforceWith>): boolean {
  return previous?.extra?.who_id !== undefined || previous?.extra?.what_id !== undefined;
}
