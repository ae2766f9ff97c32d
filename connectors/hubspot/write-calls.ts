import type { HubSpotApi } from "./client.ts";
import type { Dispositions } from "./dispositions.ts";
import { OWNER_PROPERTY } from "./mend.ts";
import { isMadeAnew, type Trip } from "./trip.ts";
import { type CallToUpsert, type Upserted, upsertCalls } from "./upsert.ts";

/** Writes the composed records; each trip then has its call's id, or why there is none. */
export async function writeCalls(options: {
  trips: Trip[];
  api: HubSpotApi;
  dispositions: Dispositions;
  signal: AbortSignal;
}): Promise<void> {
  const { trips, api, dispositions, signal } = options;
  const write = (calls: CallToUpsert[]): Promise<Map<string, Upserted>> => upsertCalls({ api, calls, dispositions, signal });
  const upserted = await write(
    trips.map(({ delivery, record, ownerId }) => ({ key: delivery.key, properties: record.properties, ownerId })),
  );
  for (const trip of trips) {
    const one = upserted.get(trip.delivery.key);
    if (one && "id" in one) {
      trip.callId = one.id;
      if (one.leftOut) trip.leftOut = one.leftOut.join(" ");
      trip.ownerWritten = trip.record.properties[OWNER_PROPERTY] ?? (isMadeAnew(trip) ? undefined : trip.delivery.previous?.extra?.owner);
    } else if (one) trip.outcome = one.outcome;
  }

  // Left out since the earlier record had one; that it has been deleted is known only now.
  const ownerless = trips.flatMap((trip) =>
    isMadeAnew(trip) && !trip.ownerWritten && !trip.leftOut && trip.ownerId ? [{ trip, ownerId: trip.ownerId }] : [],
  );
  if (ownerless.length === 0) return;
  const owned = await write(
    ownerless.map(({ trip, ownerId }) => ({ key: trip.delivery.key, properties: { [OWNER_PROPERTY]: ownerId }, ownerId })),
  );
  for (const { trip, ownerId } of ownerless) {
    const one = owned.get(trip.delivery.key);
    // Without it the next version tries again.
    if (one && "id" in one && !one.leftOut) trip.ownerWritten = ownerId;
  }
}
