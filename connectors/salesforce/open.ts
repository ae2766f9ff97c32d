import { createExpiringCache, type OpenDestination } from "../../src/connector/index.ts";
import { openSession, type Session } from "./client.ts";
import { createHold, type Hold } from "./daily-limit.ts";
import { checkFields, describeTask } from "./describe.ts";
import type { SalesforceWith } from "./mapping.ts";
import { createDeals, type Deals } from "./people/companies-deals.ts";
import { createContactMaker, type MakeContacts } from "./people/create.ts";
import { createUsers, type Users } from "./people/owners.ts";
import { createPeople, type People } from "./people/people.ts";
import { pathOf } from "./record.ts";
import { rematchTask } from "./rematch.ts";
import { sendTasks } from "./send.ts";
import type { SalesforceSettings } from "./settings.ts";
import { SalesforceError } from "./vendor-error.ts";

/** The org: a session in it, and what we know of it. */
export interface Org {
  session: Session;
  people: People;
  users: Users;
  deals: Deals;
  makeContacts: MakeContacts;
  externalIdField: string;
  /** Fields of Task that it has not, and that Tasks do without. */
  missing: ReadonlySet<string>;
  /** Fields of Task that Salesforce refuses whatever their value, by `refusedKey`, with its code: known for a while. */
  refused: ReturnType<typeof createExpiringCache<string>>;
  /** The wait of all calls while the daily limit is near. */
  hold: Hold;
}

/** Logs in, and looks whether all fields are there. @throws {OpenError} */
export async function openSalesforce(options: {
  settings: SalesforceSettings;
  timezone: string;
  timeoutMs: number;
}): Promise<OpenDestination<SalesforceWith>> {
  const { settings, timezone, timeoutMs } = options;
  const { daily_limit_stop: stopPercent } = settings;
  const signal = AbortSignal.timeout(timeoutMs);
  const session = await openSession({ settings, timeoutMs, signal });
  const fields = await describeTask({ session, signal });
  const { externalIdField, missing } = checkFields({ fields, externalIdField: settings.external_id_field });
  const people = createPeople({ session });
  const org: Org = {
    session,
    people,
    users: createUsers({ session }),
    deals: createDeals({ session }),
    makeContacts: createContactMaker({ session, people }),
    externalIdField,
    missing,
    refused: createExpiringCache<string>({ maxEntries: 1_000 }),
    hold: createHold({ session, stopPercent }),
  };

  return {
    send: (deliveries, { signal }) => sendTasks({ deliveries, org, timezone, timeoutMs, signal }),
    rematch: ({ receipt, to }, { signal }) => rematchTask({ receipt, to, org, signal }),
    async read({ receipt }, { signal }) {
      const task = await orGone(session.request({ method: "GET", path: pathOf(receipt.id) }, { signal }));
      if (typeof task !== "object" || task === null) return undefined;
      return Object.fromEntries(Object.entries(task).filter(([name, value]) => name !== "attributes" && value !== null));
    },
    /** Into the recycle bin, from where it goes after 15 days (help.salesforce.com, "View, Restore, and Manage the Recycle Bin"). */
    async erase({ receipt }, { signal }) {
      const done = session.request({ method: "DELETE", path: pathOf(receipt.id) }, { signal }).then(() => true);
      return (await orGone(done)) === true;
    },
    // The token is left to expire: other containers' sessions of this user may be the same one.
    close: async () => undefined,
  };
}

/** Undefined when what was asked for is not there. */
async function orGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof SalesforceError && error.status === 404) return undefined;
    throw error;
  }
}
