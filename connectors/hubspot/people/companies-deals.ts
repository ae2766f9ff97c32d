import { chunk, createLookup } from "../../../src/connector/index.ts";
import { linkedTo } from "../associations/read.ts";
import type { HubSpotApi } from "../client.ts";
import { MAX_BATCH, readRecords } from "../requests.ts";

/** What belongs to contacts, for a call to be put on as well. @throws as `api.ask` */
export interface CompaniesAndDeals {
  /** Ids of each contact's company: its primary one, or its only one. */
  companiesOf(contactIds: string[], options: { signal: AbortSignal }): Promise<Map<string, string>>;
  /** Ids of each contact's newest open deal. */
  openDealsOf(contactIds: string[], options: { signal: AbortSignal }): Promise<Map<string, string>>;
  /** A company or deal of these contacts, or one of them, does not exist any more: the next look-up asks HubSpot. */
  forget(contactIds: string[]): void;
}

/** HubSpot's type of the association between a contact and its primary company (associations guide). */
const PRIMARY_COMPANY = 1;
/** Of a contact with more deals than this only those with the highest ids are looked at: they are the newest. */
const MAX_DEALS = 1_000;
const REMEMBER_COMPANY_MS = 10 * 60_000;
/** A deal that was won should not get the next call. */
const REMEMBER_DEAL_MS = 60_000;

export function createCompaniesAndDeals(options: { api: HubSpotApi }): CompaniesAndDeals {
  const { api } = options;
  const companies = createLookup({ maxEntries: 10_000, ttlMs: REMEMBER_COMPANY_MS, read: readCompanies });
  const deals = createLookup({ maxEntries: 10_000, ttlMs: REMEMBER_DEAL_MS, read: readDeals });

  async function readCompanies(contactIds: string[], signal: AbortSignal): Promise<Map<string, string>> {
    const linked = await linkedTo({ api, from: "contacts", to: "companies", ids: contactIds, signal });
    return new Map(
      [...linked].flatMap(([contactId, found]) => {
        const primary = found.find(({ typeIds }) => typeIds.includes(PRIMARY_COMPANY)) ?? (found.length === 1 ? found[0] : undefined);
        return primary ? [[contactId, primary.id]] : [];
      }),
    );
  }

  async function readDeals(contactIds: string[], signal: AbortSignal): Promise<Map<string, string>> {
    const linked = await linkedTo({ api, from: "contacts", to: "deals", ids: contactIds, signal });
    const latest = new Map(
      [...linked].map(([contactId, found]) => {
        const newestFirst = found.map(({ id }) => id).sort((a, b) => Number(b) - Number(a));
        return [contactId, newestFirst.slice(0, MAX_DEALS)];
      }),
    );
    const openSince = await readOpenDeals({ api, ids: [...new Set([...latest.values()].flat())], signal });
    return new Map(
      [...latest].flatMap(([contactId, ids]) => {
        const [newest] = ids.filter((id) => openSince.has(id)).sort((a, b) => (openSince.get(b) ?? 0) - (openSince.get(a) ?? 0));
        return newest === undefined ? [] : [[contactId, newest]];
      }),
    );
  }

  return {
    companiesOf: (ids, { signal }) => companies.get(ids, signal),
    openDealsOf: (ids, { signal }) => deals.get(ids, signal),
    forget(contactIds) {
      for (const id of contactIds) for (const lookup of [companies, deals]) lookup.forget(id);
    },
  };
}

/** When each of those that are open was created, Unix ms. */
async function readOpenDeals(options: { api: HubSpotApi; ids: string[]; signal: AbortSignal }): Promise<Map<string, number>> {
  const { api, ids, signal } = options;
  const open = new Map<string, number>();
  for (const part of chunk(ids, MAX_BATCH)) {
    const { results } = await api.ask(signal, readRecords("deals", part, ["hs_is_closed", "createdate"]));
    for (const { id, properties, createdAt = "" } of results) {
      if (properties.hs_is_closed !== "true") open.set(id, Date.parse(properties.createdate ?? "") || Date.parse(createdAt) || 0);
    }
  }
  return open;
}
