import { outcomeOfReadError } from "../errors.ts";
import { type CallItem, KINDS } from "../item.ts";
import type { CompaniesAndDeals } from "../people/companies-deals.ts";
import { idsWritten } from "../receipt.ts";

/**
 * Sets the records that each call is put on: its contacts, their companies, their open deals, as its route says. What an earlier version was put on
 * stays, since a person may have moved the call. Whether that call was deleted in HubSpot shows only when this version is written.
 */
export async function findTargets(options: {
  items: CallItem[];
  companiesAndDeals: CompaniesAndDeals;
  signal: AbortSignal;
}): Promise<void> {
  const { items, companiesAndDeals, signal } = options;
  for (const item of items) {
    for (const kind of KINDS) item.targets[kind] = idsWritten(item.delivery.previous, kind).filter((id) => !item.gone.has(id));
    if (asksFor(item, "contact") && item.targets.contacts.length === 0) item.targets.contacts = item.contacts.map(({ id }) => id);
  }
  await Promise.all([
    lookUp("companies", "company", companiesAndDeals.companiesOf),
    lookUp("deals", "open_deal", companiesAndDeals.openDealsOf),
  ]);

  async function lookUp(kind: "companies" | "deals", word: "company" | "open_deal", ask: CompaniesAndDeals["companiesOf"]): Promise<void> {
    const wanting = items.filter((item) => asksFor(item, word) && item.targets[kind].length === 0);
    const ids = [...new Set(wanting.flatMap(({ contacts }) => contacts.map(({ id }) => id)))];
    if (ids.length === 0) return;
    try {
      const found = await ask(ids, { signal });
      for (const item of wanting) item.targets[kind] = [...new Set(item.contacts.flatMap(({ id }) => found.get(id) ?? []))];
    } catch (error) {
      for (const item of wanting) item.outcome = outcomeOfReadError(error);
    }
  }
}

function asksFor({ delivery }: CallItem, kind: "contact" | "company" | "open_deal"): boolean {
  return delivery.with.associate.includes(kind);
}
