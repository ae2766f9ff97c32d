import { createExpiringCache } from "../../../src/connector/index.ts";
import { linkedTo } from "../associations/read.ts";
import type { HubSpotApi } from "../client.ts";
import { MAX_BATCH, readRecords } from "../requests.ts";

/** What belongs to contacts, for a call to be put on too. @throws as `api.ask` */
export interface RelatedRecords {
  /** Ids of each contact's company: its primary one, or its only one. */
  companiesOf(contactIds: string[], options: { signal: AbortSignal }): Promise<Map<string, string>>;
  /** Ids of each contact's open deal that was made last. */
  openDealsOf(contactIds: string[], options: { signal: AbortSignal }): Promise<Map<string, string>>;
  /** A company or deal of these contacts, or one of them, is not there any more: ask again next time. */
  forget(contactIds: string[]): void;
}

/** HubSpot's type of the association between a contact and its primary company (associations guide). */
const PRIMARY_COMPANY = 1;
/** Of a contact with more deals than this only those with the highest ids are looked at: they were made last. */
const MAX_DEALS = 1_000;
const REMEMBER_COMPANY_MS = 10 * 60_000;
/** A deal that was won should not get the next call. */
const REMEMBER_DEAL_MS = 60_000;

export function createRelatedRecords(options: { api: HubSpotApi }): RelatedRecords {
  const { api } = options;
  const companies = createExpiringCache<string>({ maxEntries: 10_000 });
  const deals = createExpiringCache<string>({ maxEntries: 10_000 });

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
      [...linked].map(([contactId, found]) => [
        contactId,
        found
          .map(({ id }) => id)
          .sort((a, b) => Number(b) - Number(a))
          .slice(0, MAX_DEALS),
      ]),
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
    companiesOf: (ids, { signal }) =>
      remembered({ cache: companies, forMs: REMEMBER_COMPANY_MS, ids, read: (unknown) => readCompanies(unknown, signal) }),
    openDealsOf: (ids, { signal }) =>
      remembered({ cache: deals, forMs: REMEMBER_DEAL_MS, ids, read: (unknown) => readDeals(unknown, signal) }),
    forget(contactIds) {
      for (const id of contactIds) for (const cache of [companies, deals]) cache.delete(id);
    },
  };
}

/** "" is remembered for a contact that has none. */
async function remembered(options: {
  cache: ReturnType<typeof createExpiringCache<string>>;
  forMs: number;
  ids: string[];
  read(ids: string[]): Promise<Map<string, string>>;
}): Promise<Map<string, string>> {
  const { cache, forMs, ids, read } = options;
  const known = new Map(ids.map((id) => [id, cache.get(id)]));
  const unknown = ids.filter((id) => known.get(id) === undefined);
  const found = unknown.length === 0 ? new Map<string, string>() : await read(unknown);
  for (const id of unknown) cache.set(id, found.get(id) ?? "", forMs);
  return new Map(ids.map((id): [string, string] => [id, known.get(id) ?? found.get(id) ?? ""]).filter(([, value]) => value !== ""));
}

/** When each of those that are open was made, Unix ms. */
async function readOpenDeals(options: { api: HubSpotApi; ids: string[]; signal: AbortSignal }): Promise<Map<string, number>> {
  const { api, ids, signal } = options;
  const open = new Map<string, number>();
  for (let at = 0; at < ids.length; at += MAX_BATCH) {
    const part = ids.slice(at, at + MAX_BATCH);
    const { results } = await api.ask(signal, readRecords("deals", part, ["hs_is_closed", "createdate"]));
    for (const { id, properties, createdAt = "" } of results) {
      if (properties.hs_is_closed !== "true") open.set(id, Date.parse(properties.createdate ?? "") || Date.parse(createdAt) || 0);
    }
  }
  return open;
}
