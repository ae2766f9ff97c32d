import { createExpiringCache } from "../../src/connector.ts";
import type { HubSpotApi } from "./client.ts";

/** What belongs to contacts, for a call to be put on too. @throws what the SDK throws. */
export interface RelatedRecords {
  /** Ids of each contact's company: its primary one, or its only one. */
  companiesOf(contactIds: string[], options: { signal: AbortSignal }): Promise<Map<string, string>>;
  /** Ids of each contact's open deal that was made last. */
  openDealsOf(contactIds: string[], options: { signal: AbortSignal }): Promise<Map<string, string>>;
}

/** HubSpot's type of the association between a contact and its primary company (associations guide). */
const PRIMARY_COMPANY = 1;
/** Batch reads of associations take so many since January 2025, as those of records do (changelog "Batch Read Limit for HubSpot Associations API"). */
const MAX_INPUTS = 100;
/** Of a contact with more deals than this only those with the highest ids are looked at: they were made last. */
const MAX_DEALS = 20;
const REMEMBER_COMPANY_MS = 10 * 60_000;
/** A deal that was won should not get the next call. */
const REMEMBER_DEAL_MS = 60_000;

export function createRelatedRecords(options: { api: HubSpotApi }): RelatedRecords {
  const { api } = options;
  const companies = createExpiringCache<string>({ maxEntries: 10_000 });
  const deals = createExpiringCache<string>({ maxEntries: 10_000 });

  async function readCompanies(contactIds: string[], signal: AbortSignal): Promise<Map<string, string>> {
    const linked = await readLinked({ api, to: "companies", contactIds, signal });
    return new Map(
      [...linked].flatMap(([contactId, found]) => {
        const primary = found.find(({ typeIds }) => typeIds.includes(PRIMARY_COMPANY)) ?? (found.length === 1 ? found[0] : undefined);
        return primary ? [[contactId, primary.id]] : [];
      }),
    );
  }

  async function readDeals(contactIds: string[], signal: AbortSignal): Promise<Map<string, string>> {
    const linked = await readLinked({ api, to: "deals", contactIds, signal });
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

/** A contact without any is among the answer's errors (207, `NO_ASSOCIATIONS_FOUND`): it is simply not in the result. */
async function readLinked(options: {
  api: HubSpotApi;
  to: "companies" | "deals";
  contactIds: string[];
  signal: AbortSignal;
}): Promise<Map<string, { id: string; typeIds: number[] }[]>> {
  const { api, to, contactIds, signal } = options;
  const linked = new Map<string, { id: string; typeIds: number[] }[]>();
  for (const ids of inParts(contactIds)) {
    const answer = await api.ask(signal, (sdk) => sdk.associations.getPage("contacts", to, { inputs: ids.map((id) => ({ id })) }));
    for (const { _from, to: records } of answer.results) {
      linked.set(
        _from.id,
        records.map(({ toObjectId, associationTypes }) => ({
          id: String(toObjectId),
          typeIds: associationTypes.map(({ typeId }) => typeId),
        })),
      );
    }
  }
  return linked;
}

/** When each of those that are open was made, Unix ms. */
async function readOpenDeals(options: { api: HubSpotApi; ids: string[]; signal: AbortSignal }): Promise<Map<string, number>> {
  const { api, ids, signal } = options;
  const open = new Map<string, number>();
  for (const part of inParts(ids)) {
    const inputs = part.map((id) => ({ id }));
    const answer = await api.ask(signal, (sdk) =>
      sdk.deals.read({ inputs, properties: ["hs_is_closed", "createdate"], propertiesWithHistory: [] }),
    );
    for (const { id, properties, createdAt } of answer.results) {
      if (properties.hs_is_closed !== "true") open.set(id, Date.parse(properties.createdate ?? "") || createdAt.getTime());
    }
  }
  return open;
}

function inParts(ids: string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / MAX_INPUTS) }, (_, part) => ids.slice(part * MAX_INPUTS, (part + 1) * MAX_INPUTS));
}
