import { z } from "zod";
import type { Outcome } from "../../../src/connector/index.ts";
import type { Session } from "../client.ts";
import { outcomeOfReading, outcomeOfSalesforceError } from "../errors.ts";
import { isAboutOwner } from "../repair.ts";
import { listed, query } from "../soql.ts";
import { readVendorErrors, SalesforceError } from "../vendor-error.ts";
import type { Candidate } from "./find.ts";
import type { Matched } from "./match.ts";
import type { People } from "./people.ts";

/** Makes a Contact for each number that nobody has, and says on whom its calls are logged. Never throws. */
export type MakeContacts = (
  strangers: readonly { number: string; owner: string | undefined }[],
  signal: AbortSignal,
) => Promise<Map<string, Matched | { outcome: Outcome }>>;

/** A Contact must have a last name. The number stands in its Phone, not in the name: names are shown, and kept, in more places. */
export const UNKNOWN_CALLER = "Unknown caller";

const contactRow = z.object({
  Id: z.string(),
  AccountId: z.string().nullish(),
  OwnerId: z.string().nullish(),
  Phone: z.string().nullish(),
});
const itemAnswer = z.object({ id: z.string().nullish(), success: z.boolean(), errors: z.array(z.unknown()).default([]) });

/** A Contact on its way into the org. */
interface Stranger {
  number: string;
  owner: string | undefined;
  /** Past the alert of a duplicate rule that only warns: nobody has the number, as far as a search can tell. */
  pastAlerts: boolean;
  leftOut: { field: string; code: string }[];
}

/** Without its owner, and past the alert: each once. */
const MAX_TRIES = 3;

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
      // Of several it is the oldest: the last row wins.
      const soql = `SELECT Id, AccountId, OwnerId, Phone FROM Contact WHERE Phone IN ${listed([...owners.keys()])} ORDER BY CreatedDate DESC`;
      const rows = await query({ session, soql, row: contactRow, signal });
      for (const { Id, AccountId, OwnerId, Phone } of rows) {
        if (Phone) ends.set(Phone, { person: contact(Id, Phone, AccountId ?? undefined, OwnerId ?? undefined), found: 1 });
      }
      let left = [...owners].flatMap(([number, owner]): Stranger[] =>
        ends.has(number) ? [] : [{ number, owner, pastAlerts: false, leftOut: [] }],
      );
      for (let tries = 0; tries < MAX_TRIES && left.length > 0; tries += 1) left = await tryOnce(left, tries < MAX_TRIES - 1);
    } catch (error) {
      const outcome = outcomeOfMaking(error);
      for (const number of owners.keys()) if (!ends.has(number)) ends.set(number, { outcome });
    }
    return ends;

    /** Those that are to be tried once more. */
    async function tryOnce(some: Stranger[], mayTryAgain: boolean): Promise<Stranger[]> {
      const again: Stranger[] = [];
      for (const [pastAlerts, group] of Map.groupBy(some, (one) => one.pastAlerts)) {
        const items = await create({ session, strangers: group, pastAlerts, signal });
        for (const [index, stranger] of group.entries()) {
          const { number, leftOut } = stranger;
          const item = items[index];
          people.forget(number);
          if (item?.success && item.id) {
            ends.set(number, { person: contact(item.id, number), found: 1, ...(leftOut.length > 0 ? { leftOut } : {}) });
            continue;
          }
          const next = mayTryAgain ? withoutWhatIsRefused(stranger, item?.errors ?? []) : undefined;
          if (next) again.push(next);
          else ends.set(number, refusedBy(item?.errors ?? []));
        }
      }
      return again;
    }
  }

  return async (strangers, signal) => {
    if (strangers.length === 0) return new Map();
    const mine = last.then(() => make(strangers, signal));
    last = mine;
    return mine;
  };
}

async function create(options: { session: Session; strangers: Stranger[]; pastAlerts: boolean; signal: AbortSignal }) {
  const { session, strangers, pastAlerts, signal } = options;
  const records = strangers.map(({ number, owner }) => ({
    attributes: { type: "Contact" },
    LastName: UNKNOWN_CALLER,
    Phone: number,
    ...(owner ? { OwnerId: owner } : {}),
  }));
  const headers: Record<string, string> = pastAlerts ? { "sforce-duplicate-rule-header": "allowSave=true" } : {};
  const request = { method: "POST" as const, path: "/composite/sobjects", body: { allOrNone: false, records }, headers };
  const items = z
    .array(itemAnswer)
    .length(strangers.length)
    .safeParse(await session.request(request, { signal }));
  if (!items.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
  return items.data;
}

/** A refused owner costs the Contact its owner, and an alert of a duplicate rule nothing; undefined: it is refused itself. */
function withoutWhatIsRefused(stranger: Stranger, errors: unknown[]): Stranger | undefined {
  const { owner, pastAlerts, leftOut } = stranger;
  const error = new SalesforceError({ errors: readVendorErrors(errors) });
  if (owner !== undefined && isAboutOwner(error)) {
    return { ...stranger, owner: undefined, leftOut: [...leftOut, { field: "Contact.OwnerId", code: error.code }] };
  }
  return error.code === "DUPLICATES_DETECTED" && !pastAlerts ? { ...stranger, pastAlerts: true } : undefined;
}

function contact(id: string, number: string, accountId?: string, owner?: string): Candidate {
  return { kind: "Contact", id, name: UNKNOWN_CALLER, accountId, owner, modifiedAtMs: 0, numbers: [number] };
}

/** About the integration user rather than about this Contact: the same for each. */
const PERMISSION = /^(INSUFFICIENT_ACCESS|INVALID_FIELD|INVALID_TYPE)/;

/** What the org's own rules refuse (a required field, a duplicate rule) is logged without a person, so that the call is not lost with it. */
function refusedBy(errors: unknown[]): Matched | { outcome: Outcome } {
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
