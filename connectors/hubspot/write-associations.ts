import { createExpiringCache } from "../../src/connector.ts";
import { associateCalls, NOT_ASSOCIATED } from "./associate.ts";
import type { HubSpotApi } from "./client.ts";
import type { ContactFinder } from "./contacts.ts";
import { wantedNumber } from "./people.ts";
import { idsWritten, isMadeAnew, KINDS, open, type Trip } from "./trip.ts";

/** As long as a call may be tried again without anybody having looked at it. */
const REMEMBER_WRITTEN_MS = 60 * 60_000;

/**
 * Puts calls on their contacts, companies and deals. An association is written once in a record's life: a person may have put the call on another
 * contact since. An attempt that fails on its company has no receipt of its contact, so that this process remembers it.
 */
export function createAssociationWriter(options: { api: HubSpotApi; finder: ContactFinder }) {
  const { api, finder } = options;
  const written = createExpiringCache<true>({ maxEntries: 50_000 });

  return async function writeAssociations(trips: Trip[], signal: AbortSignal): Promise<void> {
    for (const kind of KINDS) {
      const place = (callId: string, toId: string) => `${callId} ${kind} ${toId}`;
      const associations = open(trips).flatMap((trip) => {
        const { callId, targets, delivery } = trip;
        if (callId === undefined || (!isMadeAnew(trip) && idsWritten(delivery.previous, kind).length > 0)) return [];
        return targets[kind].filter((toId) => !written.get(place(callId, toId))).map((toId) => ({ callId, toId }));
      });
      const failed = await associateCalls({ api, to: kind, associations, signal });
      for (const { callId, toId } of associations) if (!failed.has(callId)) written.set(place(callId, toId), true, REMEMBER_WRITTEN_MS);
      for (const trip of open(trips)) {
        const outcome = failed.get(trip.callId ?? "");
        if (!outcome) continue;
        const isGone = "code" in outcome && outcome.code === NOT_ASSOCIATED;
        if (isGone && isMadeAnew(trip) && idsWritten(trip.delivery.previous, kind).length > 0) {
          // Both were deleted: whoever the earlier record was on will not come back by trying again.
          trip.targets[kind] = [];
          if (kind === "contacts") withoutPerson(trip);
          continue;
        }
        trip.outcome = outcome;
        if (isGone) forgetWhoWasFound(trip, finder);
      }
    }
  };
}

function withoutPerson(trip: Trip): void {
  trip.contacts = [];
  delete trip.person;
}

/** HubSpot's own trouble says nothing of her; that she is not there does. */
function forgetWhoWasFound(trip: Trip, finder: ContactFinder): void {
  const wanted = wantedNumber(trip);
  if (wanted) finder.forget(wanted);
}
