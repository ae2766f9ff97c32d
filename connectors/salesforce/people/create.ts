import { z } from "zod";
import type { Creation, NewPerson, Outcome, RefusedDetail } from "../../../src/connector/index.ts";
import type { Session } from "../client.ts";
import { outcomeOfReading, outcomeOfSalesforceError } from "../errors.ts";
import { isAboutOwner } from "../repair.ts";
import { query, soqlList } from "../soql.ts";
import { readVendorErrors, SalesforceError } from "../vendor-error.ts";
import type { SalesforcePerson } from "./find.ts";

/** A Contact must have a last name. The number is in its Phone, not in its name: names are shown, and kept, in more places. */
export const UNKNOWN_CALLER = "Unknown caller";

const contactRow = z.object({
  Id: z.string(),
  AccountId: z.string().nullish(),
  OwnerId: z.string().nullish(),
  Phone: z.string().nullish(),
});
const itemAnswer = z.object({ id: z.string().nullish(), success: z.boolean(), errors: z.array(z.unknown()).default([]) });

/** A Contact that is being created. */
interface Attempt {
  number: string;
  owner: string | undefined;
  /** Overrides a duplicate rule that only warns: nobody has the number, as far as a search can tell. */
  allowsDuplicate: boolean;
  leftOut: RefusedDetail[];
}

/** Without its owner, and over the warning: each once. */
const MAX_TRIES = 3;

/**
 * Creates a Contact for each number, or finds the one that an earlier call, or an attempt whose answer was lost, has created: a query shows it at once,
 * the search index seconds or minutes later. Never throws.
 */
export async function createContacts(options: {
  session: Session;
  people: readonly NewPerson[];
  signal: AbortSignal;
}): Promise<Map<string, Creation<SalesforcePerson>>> {
  const { session, people, signal } = options;
  const results = new Map<string, Creation<SalesforcePerson>>();
  try {
    for (const person of await existingContacts({ session, numbers: people.map(({ number }) => number), signal })) {
      for (const number of person.numbers) results.set(number, { person });
    }
    let left = people.flatMap(({ number, owner }): Attempt[] =>
      results.has(number) ? [] : [{ number, owner, allowsDuplicate: false, leftOut: [] }],
    );
    for (let tries = 0; tries < MAX_TRIES && left.length > 0; tries += 1) left = await tryOnce(left, tries < MAX_TRIES - 1);
  } catch (error) {
    const outcome = outcomeOfCreation(error);
    for (const { number } of people) if (!results.has(number)) results.set(number, { outcome });
  }
  return results;

  /** Returns those that are to be tried once more. */
  async function tryOnce(attempts: Attempt[], mayTryAgain: boolean): Promise<Attempt[]> {
    const again: Attempt[] = [];
    for (const [allowsDuplicate, group] of Map.groupBy(attempts, (one) => one.allowsDuplicate)) {
      const items = await create({ session, attempts: group, allowsDuplicate, signal });
      for (const [index, attempt] of group.entries()) {
        const { number, leftOut } = attempt;
        const { success, id, errors } = items[index] ?? { success: false, errors: [] };
        const next = mayTryAgain ? withoutRefusedDetail(attempt, errors) : undefined;
        if (success && id) results.set(number, { person: contactOf({ id, number }), leftOut });
        else if (next) again.push(next);
        else results.set(number, refusalOf(errors));
      }
    }
    return again;
  }
}

/** Of several with one number the oldest comes last, and wins. */
async function existingContacts(options: { session: Session; numbers: string[]; signal: AbortSignal }): Promise<SalesforcePerson[]> {
  const { session, numbers, signal } = options;
  const soql = `SELECT Id, AccountId, OwnerId, Phone FROM Contact WHERE Phone IN ${soqlList(numbers)} ORDER BY CreatedDate DESC`;
  const rows = await query({ session, soql, row: contactRow, signal });
  return rows.flatMap(({ Id: id, AccountId, OwnerId, Phone: number }) =>
    number ? [contactOf({ id, number, accountId: AccountId ?? undefined, owner: OwnerId ?? undefined })] : [],
  );
}

async function create(options: { session: Session; attempts: Attempt[]; allowsDuplicate: boolean; signal: AbortSignal }) {
  const { session, attempts, allowsDuplicate, signal } = options;
  const records = attempts.map(({ number, owner }) => ({
    attributes: { type: "Contact" },
    LastName: UNKNOWN_CALLER,
    Phone: number,
    ...(owner ? { OwnerId: owner } : {}),
  }));
  const headers: Record<string, string> = allowsDuplicate ? { "sforce-duplicate-rule-header": "allowSave=true" } : {};
  const request = { method: "POST" as const, path: "/composite/sobjects", body: { allOrNone: false, records }, headers };
  const items = z
    .array(itemAnswer)
    .length(attempts.length)
    .safeParse(await session.request(request, { signal }));
  if (!items.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
  return items.data;
}

/** The next attempt, without a refused owner or over a duplicate rule's warning; undefined: the Contact itself is refused. */
function withoutRefusedDetail(attempt: Attempt, errors: unknown[]): Attempt | undefined {
  const { owner, allowsDuplicate, leftOut } = attempt;
  const error = new SalesforceError({ errors: readVendorErrors(errors) });
  if (owner !== undefined && isAboutOwner(error)) {
    return { ...attempt, owner: undefined, leftOut: [...leftOut, { field: "Contact.OwnerId", code: error.code }] };
  }
  return error.code === "DUPLICATES_DETECTED" && !allowsDuplicate ? { ...attempt, allowsDuplicate: true } : undefined;
}

function contactOf(options: { id: string; number: string; accountId?: string | undefined; owner?: string | undefined }): SalesforcePerson {
  const { id, number, accountId, owner } = options;
  return { kind: "Contact", id, name: UNKNOWN_CALLER, accountId, owner, modifiedAtMs: 0, numbers: [number] };
}

/** About the integration user rather than about this Contact: the same for each. */
const PERMISSION = /^(INSUFFICIENT_ACCESS|INVALID_FIELD|INVALID_TYPE)/;

/** A Contact that the org's own rules refuse (a required field, a duplicate rule) costs the call its person, and not its record. */
function refusalOf(errors: unknown[]): Creation<SalesforcePerson> {
  const error = new SalesforceError({ errors: readVendorErrors(errors) });
  const isRule = outcomeOfSalesforceError(error).kind === "rejected" && !PERMISSION.test(error.code);
  return isRule ? { refused: error.code } : { outcome: outcomeOfCreation(error) };
}

function outcomeOfCreation(error: unknown): Outcome {
  return outcomeOfReading(error, {
    what: "a new Contact",
    fix: "Give the integration user the permission to create Contacts, or take another on_none",
  });
}
