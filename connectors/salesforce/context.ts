import type { Cache, Lookup, People } from "../../src/connector/index.ts";
import type { Session } from "./client.ts";
import type { DailyLimit } from "./daily-limit.ts";
import type { SalesforcePerson } from "./people/find.ts";
import type { Owners } from "./people/owners.ts";

/** An open destination: a session in the org, and what is known of it. */
export interface SalesforceContext {
  session: Session;
  people: People<SalesforcePerson>;
  owners: Owners;
  deals: Lookup;
  externalIdField: string;
  /** Fields of Task that the org does not have, and that Tasks do without. */
  missing: ReadonlySet<string>;
  /** The code for each field of Task that Salesforce lately refused whatever its value, by `refusedKey`. */
  refused: Cache<string>;
  dailyLimit: DailyLimit;
  /** IANA name, for the dates that people read. */
  timezone: string;
}
