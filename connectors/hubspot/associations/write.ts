import { createExpiringCache, type Outcome } from "../../../src/connector/index.ts";
import type { HubSpotApi } from "../client.ts";
import { idsWritten, isMadeAgain, KINDS, open, type Trip } from "../item.ts";
import type { RelatedRecords } from "../people/companies-deals.ts";
import type { ContactFinder } from "../people/find.ts";
import { wantedNumbers } from "../people/match.ts";
import { MAX_BATCH, readRecords } from "../requests.ts";
import { associateCalls, type FailedAssociation, NOT_ASSOCIATED } from "./associate.ts";

/** As long as a call may be tried again without anybody having looked at it. */
const REMEMBER_WRITTEN_MS = 60 * 60_000;

/**
 * Puts calls on their contacts, companies and deals. An association is written once in a record's life: a person may have put the call on another
 * contact since. An attempt that fails on its company has no receipt of its contact, so that this process remembers it.
 */
export function createAssociationWriter(options: { api: HubSpotApi; finder: ContactFinder; related: RelatedRecords }) {
  const { api, finder, related } = options;
  const written = createExpiringCache<true>({ maxEntries: 50_000 });
  const place = (kind: string, { callId, toId }: { callId: string; toId: string }) => `${callId} ${kind} ${toId}`;

  /**
   * Gives those whose contact, company or deal is gone (deleted, merged) since it was looked up: with what is remembered of it forgotten, they may be
   * looked up again. `isLast`: they have been, and a call is not held up by a company or deal.
   */
  return async function writeAssociations(trips: Trip[], how: { isLast: boolean; signal: AbortSignal }): Promise<Trip[]> {
    const { isLast, signal } = how;
    const again = new Set<Trip>();
    for (const kind of KINDS) {
      const associations = open(trips).flatMap((trip) => {
        const { callId, targets, delivery } = trip;
        if (callId === undefined || (!isMadeAgain(trip) && idsWritten(delivery.previous, kind).length > 0)) return [];
        return targets[kind].map((toId) => ({ callId, toId })).filter((one) => !written.get(place(kind, one)));
      });
      const failed = await associateCalls({ api, to: kind, associations, signal });
      const places = new Set(failed.map((one) => place(kind, one)));
      for (const one of associations) if (!places.has(place(kind, one))) written.set(place(kind, one), true, REMEMBER_WRITTEN_MS);
      const lost = new Set(failed.flatMap(({ toId, isGone }) => (isGone ? [toId] : [])));
      const there = kind === "contacts" ? await stillThere([...lost], signal) : undefined;
      for (const trip of open(trips)) {
        const own = failed.filter(({ callId }) => callId === trip.callId);
        const trouble = own.find(({ isGone }) => !isGone);
        if (trouble) trip.outcome = trouble.outcome;
        else if (own.length > 0) (kind === "contacts" ? lostContact : lostDetail)(trip, own);
      }

      function lostContact(trip: Trip, own: FailedAssociation[]): void {
        for (const wanted of wantedNumbers(trip)) finder.forget(wanted);
        related.forget(own.map(({ toId }) => toId));
        const isTransient = there === undefined || own.some(({ toId }) => there.has(toId));
        if (isTransient || isLast) {
          trip.outcome = own[0]?.outcome as Outcome;
          return;
        }
        for (const { toId } of own) {
          trip.gone.add(toId);
          finder.gone(toId);
        }
        again.add(trip);
      }

      function lostDetail(trip: Trip, own: FailedAssociation[]): void {
        const ids = new Set(own.map(({ toId }) => toId));
        for (const id of ids) trip.gone.add(id);
        related.forget(trip.contacts.map(({ id }) => id));
        if (isLast) {
          trip.targets[kind] = trip.targets[kind].filter((id) => !ids.has(id));
          trip.leftOut.push({ field: kind, code: NOT_ASSOCIATED });
        } else again.add(trip);
      }
    }
    return open([...again]);
  };

  /** Those of the contacts that HubSpot has; undefined when it does not say. */
  async function stillThere(ids: string[], signal: AbortSignal): Promise<Set<string> | undefined> {
    const there = new Set<string>();
    try {
      for (let at = 0; at < ids.length; at += MAX_BATCH) {
        const { results } = await api.ask(signal, readRecords("contacts", ids.slice(at, at + MAX_BATCH), []));
        for (const { id } of results) there.add(id);
      }
      return there;
    } catch {
      return undefined;
    }
  }
}
