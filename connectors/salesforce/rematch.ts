import { z } from "zod";
import { OpenError, type Receipt, RematchError, truncate } from "../../src/connector/index.ts";
import type { SalesforceContext } from "./context.ts";
import { STALE } from "./error-codes.ts";
import { outcomeOfSalesforceError } from "./errors.ts";
import type { SalesforcePerson } from "./people/find.ts";
import type { PersonKind } from "./people/phone-fields.ts";
import { nameOf, personOf } from "./receipt.ts";
import { pathOf } from "./record.ts";
import { SalesforceError } from "./vendor-error.ts";

/** Key prefixes of record ids (help article 000385203): the same in every org. */
const PREFIXES: Record<string, PersonKind> = { "003": "Contact", "00Q": "Lead", "001": "Account" };

/** A 15 or 18 character id, bare or in the address of a record's page. */
const ID = /(?:^|\/)((003|00Q|001)(?:[A-Za-z0-9]{15}|[A-Za-z0-9]{12}))(?:$|[/?#])/;

const GIVE = "give the 15 or 18 characters of a Contact (003…), Lead (00Q…) or Account (001…), or the address of its page";

const recordAnswer = z.object({
  Id: z.string(),
  Name: z.string().nullish(),
  OwnerId: z.string().nullish(),
  AccountId: z.string().nullish(),
  IsConverted: z.boolean().nullish(),
  ConvertedContactId: z.string().nullish(),
});

/** Puts a call's Task on the person that somebody chose. @throws {RematchError} `to` is nobody, or the Task is gone */
export async function rematchTask(options: {
  receipt: Receipt;
  to: string;
  context: SalesforceContext;
  signal: AbortSignal;
}): Promise<Receipt> {
  const { receipt, to, context, signal } = options;
  const { session } = context;
  const person = await personFrom({ to, context, signal });
  const link = newLink(person, receipt);
  try {
    const subject = await newSubject({ receipt, person, context, signal });
    const body = { ...link, ...(subject === undefined ? {} : { Subject: subject }) };
    await session.request({ method: "PATCH", path: pathOf(receipt.id), body }, { signal });
  } catch (error) {
    if (!(error instanceof SalesforceError)) throw error;
    if (error.status === 404) throw new RematchError("the Task is gone from Salesforce: replay the call, then rematch it");
    if (error.code === "FIELD_INTEGRITY_EXCEPTION") {
      throw new RematchError("Salesforce takes no Lead for a Task that is related to something: empty Related To there, then try again");
    }
    if (STALE.has(error.code)) {
      const gone = `that ${person.kind} was deleted, merged or converted just now, or the integration user may not use it (${error.code})`;
      throw new RematchError(`${gone}: search by the call's number again, and give the record that you find`);
    }
    throw explained(error);
  }
  const emails = await context.owners.emailsOf(person.owner ? [person.owner] : [], signal);
  const { who_id: _who, what_id: _what, contact_refused: _refused, ...kept } = receipt.extra ?? {};
  return {
    id: receipt.id,
    ...(receipt.url ? { url: receipt.url } : {}),
    person: personOf({ person, ownerEmail: emails.get(person.owner ?? ""), instanceUrl: session.instanceUrl }),
    found: 1,
    extra: {
      ...kept,
      ...(link.WhoId ? { who_id: link.WhoId } : {}),
      ...(link.WhatId ? { what_id: link.WhatId } : {}),
    },
  };
}

/** A refusal for people to read, with what to do, and without a stack trace. */
function explained(error: SalesforceError): Error {
  const outcome = outcomeOfSalesforceError(error, { isUpdate: true });
  if (outcome.kind === "needs-fix" || outcome.kind === "retry") return new OpenError(outcome);
  return outcome.kind === "rejected" ? new RematchError(outcome.reason) : error;
}

const SUBJECT_LENGTH = 255;

/** The present Subject with the chosen person's name in place of the wrong one's; undefined: it does not name the wrong one. */
async function newSubject(options: {
  receipt: Receipt;
  person: SalesforcePerson;
  context: SalesforceContext;
  signal: AbortSignal;
}): Promise<string | undefined> {
  const { receipt, person, context, signal } = options;
  const [before, now] = [receipt.person?.name, nameOf(person.name)];
  if (before === undefined || now === undefined || before === now) return undefined;
  const answer = await context.session.request({ method: "GET", path: `${pathOf(receipt.id)}?fields=Subject` }, { signal });
  const { Subject } = z.object({ Subject: z.string().nullish() }).parse(answer);
  if (!Subject?.includes(before)) return undefined;
  return truncate(
    Subject.replaceAll(before, () => now),
    SUBJECT_LENGTH,
    "…",
  );
}

/** Removes what belongs to the wrong person; what we did not write stays. */
function newLink(person: SalesforcePerson, { extra }: Receipt): { WhoId?: string | null; WhatId?: string | null } {
  if (person.kind === "Account") return { WhatId: person.id, ...(extra?.who_id ? { WhoId: null } : {}) };
  if (!extra?.what_id) return { WhoId: person.id };
  return { WhoId: person.id, WhatId: (person.kind === "Contact" ? person.accountId : undefined) ?? null };
}

async function personFrom(options: { to: string; context: SalesforceContext; signal: AbortSignal }): Promise<SalesforcePerson> {
  const { to, context, signal } = options;
  const [, id, prefix] = ID.exec(to.trim()) ?? [];
  const kind = PREFIXES[prefix ?? ""];
  if (!id || !kind) throw new RematchError(`that is no person of Salesforce: ${GIVE}`);
  const own = { Contact: ["AccountId"], Lead: ["IsConverted", "ConvertedContactId"], Account: [] }[kind];
  const fields = ["Id", "Name", "OwnerId", ...own];
  try {
    const answer = await context.session.request({ method: "GET", path: `/sobjects/${kind}/${id}?fields=${fields.join(",")}` }, { signal });
    const { Id, Name, OwnerId, AccountId, IsConverted, ConvertedContactId } = recordAnswer.parse(answer);
    if (IsConverted)
      throw new RematchError(
        `that Lead was converted: give the Contact that it became${ConvertedContactId ? `, ${ConvertedContactId}` : ""}`,
      );
    const accountId = (kind === "Account" ? Id : AccountId) ?? undefined;
    return { kind, id: Id, name: Name ?? "", accountId, owner: OwnerId ?? undefined, modifiedAtMs: 0, numbers: [] };
  } catch (error) {
    if (!(error instanceof SalesforceError)) throw error;
    if (error.status !== 404 && error.status !== 400) throw explained(error);
    throw new RematchError(`Salesforce has no ${kind} with that id, or the integration user cannot see it: ${GIVE}`);
  }
}
