import { createCache, createPeople, type OpenDestination } from "../../src/connector/index.ts";
import { openSession } from "./client.ts";
import type { SalesforceContext } from "./context.ts";
import { createDailyLimit } from "./daily-limit.ts";
import { checkFields, describeTask } from "./describe.ts";
import type { SalesforceWith } from "./mapping.ts";
import { createDeals } from "./people/companies-deals.ts";
import { salesforceCrm } from "./people/match.ts";
import { createOwners } from "./people/owners.ts";
import { pathOf } from "./record.ts";
import { rematchTask } from "./rematch.ts";
import { sendTasks } from "./send.ts";
import type { SalesforceSettings } from "./settings.ts";
import { SalesforceError } from "./vendor-error.ts";

/** How long a refused field is left out. */
const REFUSED_FOR_MS = 10 * 60_000;

/** Logs in and checks that all fields exist. @throws {OpenError} */
export async function openSalesforce(options: {
  settings: SalesforceSettings;
  timezone: string;
  timeoutMs: number;
}): Promise<OpenDestination<SalesforceWith>> {
  const { settings, timezone, timeoutMs } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  const session = await openSession({ settings, timeoutMs, signal });
  const fields = await describeTask({ session, signal });
  const context: SalesforceContext = {
    session,
    people: createPeople(salesforceCrm({ session })),
    owners: createOwners({ session }),
    deals: createDeals({ session }),
    ...checkFields({ fields, externalIdField: settings.external_id_field }),
    refused: createCache<string>({ maxEntries: 1_000, ttlMs: REFUSED_FOR_MS }),
    dailyLimit: createDailyLimit({ session, stopPercent: settings.daily_limit_stop }),
    timezone,
  };

  return {
    send: (deliveries, { signal }) => sendTasks({ deliveries, context, timeoutMs, signal }),
    rematch: ({ receipt, to }, { signal }) => rematchTask({ receipt, to, context, signal }),
    async read({ receipt }, { signal }) {
      const task = await orGone(session.request({ method: "GET", path: pathOf(receipt.id) }, { signal }));
      if (typeof task !== "object" || task === null) return undefined;
      return Object.fromEntries(Object.entries(task).filter(([name, value]) => name !== "attributes" && value !== null));
    },
    /** Salesforce moves the Task to its recycle bin for 15 days (help.salesforce.com, "View, Restore, and Manage the Recycle Bin"). */
    async erase({ receipt }, { signal }) {
      const done = session.request({ method: "DELETE", path: pathOf(receipt.id) }, { signal }).then(() => true);
      return (await orGone(done)) === true;
    },
    // The token expires by itself: other containers may have the same session of this user.
    close: async () => undefined,
  };
}

/** Undefined when the record does not exist. */
async function orGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof SalesforceError && error.status === 404) return undefined;
    throw error;
  }
}
