import { z } from "zod";
import type { Outcome } from "../../src/connector.ts";
import { readVendorErrors, SalesforceError } from "./errors.ts";
import { outcomeOfReading, outcomeOfSalesforceError } from "./outcome.ts";
import type { People } from "./people.ts";
import type { Candidate } from "./search.ts";
import type { Session } from "./session.ts";
import { listed, query } from "./soql.ts";
import type { Whom } from "./whom.ts";

/** Makes a Contact for each number that nobody has, and says on whom its calls are logged. Never throws. */
export type MakeContacts = (
  strangers: readonly { number: string; owner: string | undefined }[],
  signal: AbortSignal,
) => Promise<Map<string, Whom | { outcome: Outcome }>>;

/** A Contact must have a last name. The number stands in its Phone, not in the name: names are shown, and kept, in more places. */
export const UNKNOWN_CALLER = "Unknown caller";

const contactRow = z.object({
  Id: z.string(),
  AccountId: z.string().nullish(),
  OwnerId: z.string().nullish(),
  Phone: z.string().nullish(),
});
const itemAnswer = z.object({ id: z.string().nullish(), success: z.boolean(), errors: z.array(z.unknown()).default([]) });

/**
 * The search index lags behind by seconds or minutes, a query does not: the Contact that a call before this one made, or an attempt whose answer
 * was lost, is found by it. One at a time in this process; two processes that meet the same new number at once may still make two.
 */
export function createContactMaker(options: { session: Session; people: People }): MakeContacts {
  const { session, people } = options;
  let last: Promise<unknown> = Promise.resolve();

  async function make(strangers: Parameters<MakeContacts>[0], signal: AbortSignal): ReturnType<MakeContacts> {
    const owners = new Map(strangers.map(({ number, owner }) => [number, owner]));
    const ends: Awaited<ReturnType<MakeContacts>> = new Map();
    try {
      const soql = `SELECT Id, AccountId, OwnerId, Phone FROM Contact WHERE Phone IN ${listed([...owners.keys()])} ORDER BY CreatedDate DESC`;
      const rows = await query({ session, soql, row: contactRow, signal });
      for (const { Id, AccountId, OwnerId, Phone } of rows) {
        if (Phone) ends.set(Phone, { person: contact(Id, Phone, AccountId ?? undefined, OwnerId ?? undefined), found: 1 });
      }
      const missing = [...owners.keys()].filter((number) => !ends.has(number));
      if (missing.length === 0) return ends;
      const records = missing.map((Phone) => {
        const owner = owners.get(Phone);
        return { attributes: { type: "Contact" }, LastName: UNKNOWN_CALLER, Phone, ...(owner ? { OwnerId: owner } : {}) };
      });
      const body = { allOrNone: false, records };
      const answer = await session.request({ method: "POST", path: "/composite/sobjects", body }, { signal });
      const items = z.array(itemAnswer).length(missing.length).safeParse(answer);
      if (!items.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
      for (const [index, item] of items.data.entries()) {
        const number = missing[index] ?? "";
        people.forget(number);
        ends.set(number, item.success && item.id ? { person: contact(item.id, number), found: 1 } : refusedBy(item.errors));
      }
    } catch (error) {
      const outcome = outcomeOfMaking(error);
      for (const number of owners.keys()) if (!ends.has(number)) ends.set(number, { outcome });
    }
    return ends;
  }

  return async (strangers, signal) => {
    if (strangers.length === 0) return new Map();
    const mine = last.then(() => make(strangers, signal));
    last = mine;
    return mine;
  };
}

function contact(id: string, number: string, accountId?: string, owner?: string): Candidate {
  return { kind: "Contact", id, name: UNKNOWN_CALLER, accountId, owner, modifiedAtMs: 0, numbers: [number] };
}

/** About the integration user rather than about this Contact: the same for each. */
const PERMISSION = /^(INSUFFICIENT_ACCESS|INVALID_FIELD|INVALID_TYPE)/;

/** What the org's own rules refuse (a required field, a duplicate rule) is logged without a person, so that the call is not lost with it. */
function refusedBy(errors: unknown[]): Whom | { outcome: Outcome } {
  const error = new SalesforceError({ errors: readVendorErrors(errors) });
  const isRule = outcomeOfSalesforceError(error).kind === "rejected" && !PERMISSION.test(error.code);
  return isRule ? { found: 0, refused: error.code } : { outcome: outcomeOfMaking(error) };
}

function outcomeOfMaking(error: unknown): Outcome {
  return outcomeOfReading(error, {
    what: "a new Contact",
    fix: "Give the integration user the permission to create Contacts, or take another on_none",
  });
}
