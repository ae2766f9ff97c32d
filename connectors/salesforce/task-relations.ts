import type { Delivery, Lookup, Outcome } from "../../src/connector/index.ts";
import { outcomeOfReading } from "./errors.ts";
import type { SalesforceWith } from "./mapping.ts";
import type { SalesforcePerson } from "./people/find.ts";

/** A Task's Name (a Contact or Lead) and Related To (an Account or Opportunity). */
export interface TaskRelations {
  WhoId?: string;
  WhatId?: string;
}

/** The open deals that `associate` asks for: one query for all. `outcome`: they could not be read. */
export async function findDeals(options: {
  calls: readonly { delivery: Delivery<SalesforceWith>; person: SalesforcePerson | undefined }[];
  deals: Lookup;
  signal: AbortSignal;
}): Promise<{ deals: Map<string, string> } | { outcome: Outcome }> {
  const { calls, deals, signal } = options;
  const accounts = calls.flatMap(({ delivery, person }) =>
    person?.accountId && delivery.with.associate.includes("open_deal") ? [person.accountId] : [],
  );
  try {
    return { deals: await deals.get(accounts, signal) };
  } catch (error) {
    const fix = "Give the integration user read access to Opportunity, or take open_deal out of associate";
    return { outcome: outcomeOfReading(error, { what: "the open deals", fix }) };
  }
}

/**
 * The deal comes before the company: a Task is related to one thing. A Lead has neither, and Salesforce refuses a Task that has a Lead and
 * something it is related to (sforce_api_objects_task, WhatId). An Account that has the number itself is what the call is logged on.
 */
export function relationsOf(options: {
  person: SalesforcePerson | undefined;
  associate: SalesforceWith["associate"];
  deals: Map<string, string>;
}): TaskRelations {
  const { person, associate, deals } = options;
  if (!person) return {};
  const { kind, id, accountId } = person;
  const who = kind !== "Account" && associate.includes("contact") ? id : undefined;
  const deal = accountId !== undefined && associate.includes("open_deal") ? deals.get(accountId) : undefined;
  const isOnCompany = associate.includes("company") || (kind === "Account" && associate.includes("contact"));
  const what = kind === "Lead" ? undefined : (deal ?? (isOnCompany ? accountId : undefined));
  return { ...(who ? { WhoId: who } : {}), ...(what ? { WhatId: what } : {}) };
}
