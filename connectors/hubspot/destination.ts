import { type Delivery, type OpenDestination, type Outcome, type Receipt, type Secret, untilAborted } from "../../src/connector.ts";
import { associateCalls } from "./associate.ts";
import { type BodyPart, bodyAbove } from "./body.ts";
import { connect, type HubSpotApi } from "./client.ts";
import { type ContactFinder, createContactFinder } from "./contacts.ts";
import { outcomeOfReadError } from "./outcome.ts";
import { ensureCallIdProperty } from "./property.ts";
import { type CallRecord, comparedParts, recordOf } from "./record.ts";
import { upsertCalls } from "./upsert.ts";
import type { HubSpotWith } from "./with.ts";

/** One delivery on its way; `outcome` ends it. */
interface Trip {
  delivery: Delivery<HubSpotWith>;
  outcome?: Outcome;
  record: CallRecord;
  contactId?: string;
  callId?: string;
}

/** Searches may use this share of an attempt's time; the rest is for writing. */
const SEARCH_SHARE = 2 / 3;

/** @throws {OpenError} when HubSpot refuses the token, or its property for call ids cannot be used; or a network error. */
export async function openHubSpot(options: {
  accessToken: Secret;
  baseUrl: string | undefined;
  timeoutMs: number;
}): Promise<OpenDestination<HubSpotWith>> {
  const { accessToken, baseUrl, timeoutMs } = options;
  const api = connect({ accessToken, baseUrl });
  await ensureCallIdProperty({ api, signal: AbortSignal.timeout(timeoutMs) });
  const contacts = createContactFinder({ api });

  return {
    async send(deliveries, { signal }) {
      const searchUntilMs = performance.now() + timeoutMs * SEARCH_SHARE;
      const trips = deliveries.map(startTrip);
      await findContacts({ trips: open(trips), contacts, searchUntilMs, signal });
      await keepLostNotes({ trips: open(trips), api, signal });
      await writeCalls({ trips: open(trips), api, signal });
      await writeAssociations({ trips: open(trips), api, contacts, signal });
      return trips.map((trip) => trip.outcome ?? { kind: "delivered", receipt: receiptOf(trip) });
    },
    /** HubSpot puts it into its recycle bin, from where it goes after 90 days (knowledge.hubspot.com/records/restore-deleted-records). */
    async erase({ receipt }, { signal }) {
      await untilAborted(signal, () => api.call.archive(receipt.id));
      return true;
    },
    close: async () => undefined,
  };
}

function open(trips: Trip[]): Trip[] {
  return trips.filter(({ outcome }) => outcome === undefined);
}

function startTrip(delivery: Delivery<HubSpotWith>): Trip {
  const record = recordOf(delivery);
  if ("outcome" in record) return { delivery, outcome: record.outcome, record: { properties: {} } };
  const contactId = delivery.previous?.extra?.contact_id;
  return { delivery, record, ...(contactId === undefined ? {} : { contactId }) };
}

/** Once for each number; who has a contact already keeps it. */
async function findContacts(options: {
  trips: Trip[];
  contacts: ContactFinder;
  searchUntilMs: number;
  signal: AbortSignal;
}): Promise<void> {
  const { trips, contacts, searchUntilMs, signal } = options;
  const byNumber = Map.groupBy(
    trips.filter(({ contactId, delivery }) => contactId === undefined && delivery.call.customer_number),
    ({ delivery }) => delivery.call.customer_number ?? "",
  );
  await Promise.all(
    [...byNumber].map(async ([number, trips]) => {
      const found = await contacts.find(number, { maxWaitMs: searchUntilMs - performance.now(), signal });
      for (const trip of trips) {
        if ("outcome" in found) trip.outcome = found.outcome;
        else if (found.ids[0] !== undefined && (found.ids.length === 1 || trip.delivery.with.match?.on_many !== "none"))
          trip.contactId = found.ids[0];
      }
    }),
  );
}

/** A newer version of a call that lacks what an older one wrote into the notes: what is new goes above what is there. */
async function keepLostNotes(options: { trips: Trip[]; api: HubSpotApi; signal: AbortSignal }): Promise<void> {
  const { trips, api, signal } = options;
  const merging = new Map<string, Trip>();
  for (const trip of trips) {
    if (!trip.delivery.previous || !trip.record.body) continue;
    const { lost, gained } = comparedParts(earlierParts(trip), trip.record.body.parts);
    if (lost) delete trip.record.properties.hs_call_body;
    if (lost && gained) merging.set(trip.delivery.previous.id, trip);
  }
  if (merging.size === 0) return;
  try {
    const inputs = [...merging.keys()].map((id) => ({ id }));
    const answer = await untilAborted(signal, () => api.calls.read({ inputs, properties: ["hs_call_body"], propertiesWithHistory: [] }));
    for (const [id, { record }] of merging) {
      const existing = answer.results.find((one) => one.id === id)?.properties.hs_call_body ?? "";
      record.properties.hs_call_body = bodyAbove(record.body?.html ?? "", existing);
    }
  } catch (error) {
    for (const trip of merging.values()) trip.outcome = outcomeOfReadError(error);
  }
}

async function writeCalls(options: { trips: Trip[]; api: HubSpotApi; signal: AbortSignal }): Promise<void> {
  const { trips, api, signal } = options;
  const calls = trips.map(({ delivery, record }) => ({ key: delivery.key, properties: record.properties }));
  const upserted = await upsertCalls({ api, calls, signal });
  for (const trip of trips) {
    const one = upserted.get(trip.delivery.key);
    if (one && "id" in one) trip.callId = one.id;
    else trip.outcome = one?.outcome ?? { kind: "ambiguous", code: "not_sent", reason: "the call was not part of its batch" };
  }
}

/** An association is written once in a record's life: a person may have put the call on another contact since. */
async function writeAssociations(options: { trips: Trip[]; api: HubSpotApi; contacts: ContactFinder; signal: AbortSignal }): Promise<void> {
  const { trips, api, contacts, signal } = options;
  const associations = trips.flatMap(({ delivery: { previous }, callId, contactId }) => {
    if (callId === undefined || contactId === undefined) return [];
    return previous?.extra?.contact_id !== undefined && previous.id === callId ? [] : [{ callId, contactId }];
  });
  const failed = await associateCalls({ api, associations, signal });
  for (const trip of trips) {
    const outcome = failed.get(trip.callId ?? "");
    if (!outcome) continue;
    trip.outcome = outcome;
    contacts.forget(trip.delivery.call.customer_number ?? "");
  }
}

function receiptOf(trip: Trip): Receipt {
  const { callId = "", contactId, record } = trip;
  const parts = new Set([...earlierParts(trip), ...(record.body?.parts ?? [])]);
  const extra = {
    ...(contactId === undefined ? {} : { contact_id: contactId }),
    ...(parts.size > 0 ? { notes: [...parts].join(" ") } : {}),
  };
  return { id: callId, extra };
}

/** What an earlier version wrote into the notes, as its receipt has it. */
function earlierParts({ delivery }: Trip): BodyPart[] {
  return (delivery.previous?.extra?.notes ?? "").split(" ").filter((part) => part !== "") as BodyPart[];
}
