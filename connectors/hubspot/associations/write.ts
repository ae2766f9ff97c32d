import { chunk, createCache, type Outcome, type People } from "../../../src/connector/index.ts";
import type { HubSpotApi } from "../client.ts";
import { type CallItem, isRecreated, KINDS, pending } from "../item.ts";
import type { CompaniesAndDeals } from "../people/companies-deals.ts";
import type { Contact } from "../people/find.ts";
import { idsWritten } from "../receipt.ts";
import { MAX_BATCH, readRecords } from "../requests.ts";
import { associateCalls, type FailedAssociation, NOT_ASSOCIATED } from "./associate.ts";

/** As long as a call may be tried again without a person looking at it. */
const REMEMBER_WRITTEN_MS = 60 * 60_000;

/**
 * Returns the items whose contact, company or deal was deleted or merged since it was looked up: it is forgotten, so that they can be looked up again.
 * `isLast`: they were; a call then goes without its company or deal.
 */
export type WriteAssociations = (items: CallItem[], how: { isLast: boolean; signal: AbortSignal }) => Promise<CallItem[]>;

/**
 * Puts calls on their contacts, companies and deals, each once in a record's life: a person may have put the call on another contact since. An attempt
 * that fails on its company leaves no receipt of its contact, so that this process remembers what it wrote.
 */
export function createAssociationWriter(options: {
  api: HubSpotApi;
  contacts: People<Contact>;
  companiesAndDeals: CompaniesAndDeals;
}): WriteAssociations {
  const { api, contacts, companiesAndDeals } = options;
  const written = createCache<true>({ maxEntries: 50_000, ttlMs: REMEMBER_WRITTEN_MS });
  const place = (kind: string, { callId, toId }: { callId: string; toId: string }) => `${callId} ${kind} ${toId}`;

  return async function writeAssociations(items, { isLast, signal }) {
    const again = new Set<CallItem>();
    for (const kind of KINDS) {
      const associations = pending(items).flatMap((item) => {
        const { callId, targets, delivery } = item;
        if (callId === undefined || (!isRecreated(item) && idsWritten(delivery.previous, kind).length > 0)) return [];
        return targets[kind].map((toId) => ({ callId, toId })).filter((one) => !written.get(place(kind, one)));
      });
      const failed = await associateCalls({ api, to: kind, associations, signal });
      const places = new Set(failed.map((one) => place(kind, one)));
      for (const one of associations) if (!places.has(place(kind, one))) written.set(place(kind, one), true);
      const lost = new Set(failed.flatMap(({ toId, isGone }) => (isGone ? [toId] : [])));
      const existing = kind === "contacts" ? await existingContacts([...lost], signal) : undefined;
      for (const item of pending(items)) {
        const own = failed.filter(({ callId }) => callId === item.callId);
        const trouble = own.find(({ isGone }) => !isGone);
        if (trouble) item.outcome = trouble.outcome;
        else if (own.length > 0) (kind === "contacts" ? lostContact : lostDetail)(item, own);
      }

      function lostContact(item: CallItem, own: FailedAssociation[]): void {
        contacts.forget(item.delivery);
        companiesAndDeals.forget(own.map(({ toId }) => toId));
        // Only a contact that does not exist is replaced; while HubSpot does not say, the call waits.
        const isTransient = existing === undefined || own.some(({ toId }) => existing.has(toId));
        if (isTransient || isLast) {
          item.outcome = own[0]?.outcome as Outcome;
          return;
        }
        for (const { toId } of own) {
          item.gone.add(toId);
          contacts.gone(toId);
        }
        again.add(item);
      }

      function lostDetail(item: CallItem, own: FailedAssociation[]): void {
        const ids = new Set(own.map(({ toId }) => toId));
        for (const id of ids) item.gone.add(id);
        companiesAndDeals.forget(item.contacts.map(({ id }) => id));
        if (isLast) {
          item.targets[kind] = item.targets[kind].filter((id) => !ids.has(id));
          item.leftOut.push({ field: kind, code: NOT_ASSOCIATED });
        } else again.add(item);
      }
    }
    return pending([...again]);
  };

  /** The contacts that HubSpot has; undefined when it does not say. */
  async function existingContacts(ids: string[], signal: AbortSignal): Promise<Set<string> | undefined> {
    const existing = new Set<string>();
    try {
      for (const part of chunk(ids, MAX_BATCH)) {
        const { results } = await api.ask(signal, readRecords("contacts", part, []));
        for (const { id } of results) existing.add(id);
      }
      return existing;
    } catch {
      return undefined;
    }
  }
}
