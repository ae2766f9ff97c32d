import type { Crm, People } from "../../../src/connector/index.ts";
import { type HubSpotApi, SEARCH_LAG_MS } from "../client.ts";
import type { CallItem } from "../item.ts";
import { idsWritten } from "../receipt.ts";
import { createContactFor } from "./create.ts";
import { type Contact, createSearchErrors, searchContacts } from "./find.ts";

/** HubSpot's contacts, as the engine of all CRMs uses them. HubSpot knows no unique phone number, and its search lags. */
export function hubspotCrm(options: { api: HubSpotApi }): Crm<Contact> {
  const { api } = options;
  return {
    title: "HubSpot",
    // A contact that was entered a minute ago should get its calls; one that is known rarely goes away.
    rememberMs: { found: 10 * 60_000, nobody: 30_000, gone: SEARCH_LAG_MS, created: 10 * 60_000 },
    searchLagMs: SEARCH_LAG_MS,
    createsForUpdates: false,
    creationsAtOnce: 1,
    search: (search) => searchContacts(api, search),
    outcomeOfSearchError: createSearchErrors(),
    create: async ([person], { signal }) => new Map(person && [[person.number, await createContactFor(api, person, signal)]]),
  };
}

/**
 * Sets each call's contacts. A call that is on a contact stays there, since a person may have chosen it. `searchUntilMs`, of `performance.now()`:
 * calls whose number cannot be searched for by then come again later, and the others are written.
 */
export async function matchContacts(options: {
  items: CallItem[];
  contacts: People<Contact>;
  searchUntilMs: number;
  signal: AbortSignal;
}): Promise<void> {
  const { items, contacts, ...limits } = options;
  const unmatched = items.filter((item) => !keepsContacts(item));
  const matches = await contacts.match(
    unmatched.map(({ delivery, ownerId }) => ({ delivery, owner: ownerId })),
    limits,
  );
  for (const item of unmatched) {
    const match = matches.get(item.delivery.key);
    if (!match) continue;
    if ("outcome" in match) {
      item.outcome = match.outcome;
      continue;
    }
    item.contacts = match.people;
    item.found = match.found;
    if (match.refused !== undefined) item.contactRefused = match.refused;
    item.leftOut.push(...(match.leftOut ?? []));
  }
}

/** The contacts that an earlier version of the call was put on, and that exist. */
function keepsContacts(item: CallItem): boolean {
  const { previous } = item.delivery;
  const ids = new Set([...(previous?.person ? [previous.person.id] : []), ...idsWritten(previous, "contacts")]);
  const known = [...ids].filter((id) => !item.gone.has(id));
  if (known.length === 0) return false;
  const name = previous?.person?.name;
  item.contacts = known.map((id) => {
    const named = id === previous?.person?.id && name !== undefined ? { name } : {};
    return { id, modifiedAtMs: 0, numbers: [], ...named };
  });
  item.found = previous?.found;
  return true;
}
