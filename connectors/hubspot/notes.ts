import { type BodyPart, beginsWith, bodyAbove } from "./body.ts";
import type { HubSpotApi } from "./client.ts";
import { outcomeOfReadError } from "./errors.ts";
import type { Trip } from "./item.ts";
import { readRecords } from "./requests.ts";

/** A newer version of a call that lacks what an older one wrote into the notes: what is new goes above what is there. */
export async function keepLostNotes(options: { trips: Trip[]; api: HubSpotApi; signal: AbortSignal }): Promise<void> {
  const { trips, api, signal } = options;
  const merging = new Map<string, Trip>();
  for (const trip of trips) {
    const { body, properties } = trip.record;
    if (!trip.delivery.previous || !body) continue;
    const before = earlierParts(trip);
    const lost = before.some((part) => !body.parts.includes(part));
    const gained = body.parts.some((part) => !before.includes(part));
    if (lost) delete properties.hs_call_body;
    if (lost && gained) merging.set(trip.delivery.previous.id, trip);
  }
  if (merging.size === 0) return;
  try {
    const answer = await api.ask(signal, readRecords("calls", [...merging.keys()], ["hs_call_body"]));
    for (const [id, { record }] of merging) {
      const existing = answer.results.find((one) => one.id === id)?.properties.hs_call_body ?? "";
      const fresh = record.body?.html ?? "";
      if (!beginsWith(existing, fresh)) record.properties.hs_call_body = bodyAbove(fresh, existing);
    }
  } catch (error) {
    for (const trip of merging.values()) trip.outcome = outcomeOfReadError(error);
  }
}

/** Parts that the notes have now, this version's and those of earlier ones. */
export function partsWritten(trip: Trip): BodyPart[] {
  return [...new Set([...earlierParts(trip), ...(trip.record.body?.parts ?? [])])];
}

/** What an earlier version wrote into the notes, as its receipt has it. */
function earlierParts({ delivery }: Trip): BodyPart[] {
  return (delivery.previous?.extra?.notes ?? "").split(" ").filter((part) => part !== "") as BodyPart[];
}
