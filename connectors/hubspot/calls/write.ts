import { CALL_ID_PROPERTY } from "../call-id.ts";
import type { HubSpotApi } from "../client.ts";
import type { Dispositions } from "../dispositions.ts";
import { isMadeAgain, type Trip } from "../item.ts";
import { ownerOf } from "../people/match.ts";
import type { Owners } from "../people/owners.ts";
import type { CallIdKind } from "../property.ts";
import { upsertCalls } from "../requests.ts";
import { OWNER_PROPERTY } from "./drop-refused-fields.ts";
import { type Written, writeInBatches } from "./write-in-batches.ts";
import { createPlainCalls } from "./write-plain.ts";

/** A call on its way, with what is to be written of it. */
export interface CallOfTrip {
  key: string;
  properties: Record<string, string>;
  trip: Trip;
}

/** Writes calls, up to a hundred: one record for each key, made or changed. */
export type WriteCalls = (calls: CallOfTrip[], signal: AbortSignal) => Promise<Map<string, Written>>;

/** Writes the composed records; each trip then has its call's id, or why there is none. */
export function createCallWriter(options: {
  api: HubSpotApi;
  kind: CallIdKind;
  /** Tells the accounts of this process apart; undefined where that is not known. */
  account: string | undefined;
  dispositions: Dispositions;
  owners: Owners;
}) {
  const { api, kind, account, dispositions, owners } = options;
  const write: WriteCalls =
    kind === "plain"
      ? createPlainCalls({ api, account, dispositions })
      : (calls, signal) =>
          writeInBatches({
            calls,
            write: (batch) =>
              api.ask(
                signal,
                upsertCalls(
                  CALL_ID_PROPERTY,
                  batch.map(({ key, properties }) => ({ id: key, properties })),
                ),
              ),
            dispositions,
            signal,
          });

  return async function writeCalls(trips: Trip[], signal: AbortSignal): Promise<void> {
    const calls = trips.map((trip) => ({ key: trip.delivery.key, properties: { ...trip.record.properties }, trip }));
    const written = await write(calls, signal);
    for (const { key, properties, trip } of calls) {
      const one = written.get(key);
      if (one && "id" in one) {
        trip.callId = one.id;
        trip.leftOut.push(...(one.leftOut ?? []));
        trip.ownerWritten = properties[OWNER_PROPERTY] ?? (isMadeAgain(trip) ? undefined : trip.delivery.previous?.extra?.owner);
      } else if (one) trip.outcome = one.outcome;
      const owner = ownerOf(trip);
      if (owner && isWithoutOwner(trip)) owners.forget(owner);
    }
    await giveOwners(trips, signal);
  };

  /** Left out since the earlier record had one; that it has been deleted is known only now. */
  async function giveOwners(trips: Trip[], signal: AbortSignal): Promise<void> {
    const ownerless = trips.flatMap((trip) => {
      const isOwnerless = isMadeAgain(trip) && !trip.ownerWritten && !isWithoutOwner(trip);
      return isOwnerless && trip.ownerId ? [{ key: trip.delivery.key, properties: { [OWNER_PROPERTY]: trip.ownerId }, trip }] : [];
    });
    if (ownerless.length === 0) return;
    const owned = await write(ownerless, signal);
    for (const { key, trip } of ownerless) {
      const one = owned.get(key);
      // Without it the next version tries again.
      if (one && "id" in one && !one.leftOut) trip.ownerWritten = trip.ownerId;
    }
  }
}

function isWithoutOwner({ leftOut }: Trip): boolean {
  return leftOut.some(({ field }) => field === OWNER_PROPERTY);
}
