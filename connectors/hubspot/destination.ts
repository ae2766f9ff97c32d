import type { OpenDestination, Outcome, Secret } from "../../src/connector.ts";
import { type Links, readLinks } from "./account.ts";
import { associateCalls, NOT_ASSOCIATED } from "./associate.ts";
import { connect, type HubSpotApi } from "./client.ts";
import { type ContactFinder, createContactFinder } from "./contacts.ts";
import { createDispositions, DISPOSITION_PROPERTY, type Dispositions } from "./dispositions.ts";
import { createContactMaker } from "./make-contact.ts";
import { keepLostNotes } from "./notes.ts";
import { speakable, statusOf } from "./outcome.ts";
import { createOwners } from "./owners.ts";
import { findOwners, findPeople, wantedNumber } from "./people.ts";
import { checkCallIdProperty } from "./property.ts";
import { namePeople, receiptOf } from "./receipt.ts";
import { composeRecord } from "./record.ts";
import { createRelatedRecords } from "./related.ts";
import { readCall, rematchCall } from "./rematch.ts";
import { findTargets } from "./targets.ts";
import { idsWritten, KINDS, open, startTrip, type Trip } from "./trip.ts";
import { upsertCalls } from "./upsert.ts";
import type { HubSpotWith } from "./with.ts";

/** Searches may use this share of an attempt's time: whose number is not known by then comes later, and the others of its batch are written. */
const SEARCH_SHARE = 1 / 3;
/** A request waits for its turn at most for this share. */
const PACE_SHARE = 1 / 3;

/** @throws {OpenError} HubSpot refuses the token, or the account is not set up; or a network error. */
export async function openHubSpot(options: {
  accessToken: Secret;
  baseUrl: string | undefined;
  timeoutMs: number;
}): Promise<OpenDestination<HubSpotWith>> {
  const { accessToken, baseUrl, timeoutMs } = options;
  const api = connect({ accessToken, baseUrl, maxWaitMs: timeoutMs * PACE_SHARE });
  await checkCallIdProperty({ api, signal: AbortSignal.timeout(timeoutMs) });
  const links = await readLinks({ api, signal: AbortSignal.timeout(timeoutMs) });
  const finder = createContactFinder({ api });
  const maker = createContactMaker({ api, finder });
  const owners = createOwners({ api });
  const dispositions = createDispositions({ api });
  const related = createRelatedRecords({ api });

  async function sendOnce(trips: Trip[], signal: AbortSignal): Promise<void> {
    const searchUntilMs = performance.now() + timeoutMs * SEARCH_SHARE;
    await findOwners({ trips, owners, signal });
    await findPeople({ trips: open(trips), finder, maker, searchUntilMs, signal });
    await findTargets({ trips: open(trips), related, signal });
    for (const trip of open(trips)) await composeRecord(trip, { dispositions, signal });
    await keepLostNotes({ trips: open(trips), api, signal });
    const named = namePeople({ trips: open(trips), links, owners, signal });
    await writeCalls({ trips: open(trips), api, dispositions, signal });
    await writeAssociations({ trips: open(trips), api, finder, signal });
    await named;
  }

  return {
    async send(deliveries, { signal }) {
      // HubSpot refuses a batch that has an id twice: the later one is the newer version.
      const trips = new Map(deliveries.map((delivery) => [delivery.key, startTrip(delivery)]));
      await sendOnce([...trips.values()], signal);
      return deliveries.map(({ key }) => outcomeOf(trips.get(key), links));
    },
    /** HubSpot puts it into its recycle bin, from where it goes after 90 days (knowledge.hubspot.com/records/restore-deleted-records). */
    async erase({ receipt }, { signal }) {
      return speakable(async () => {
        try {
          await api.ask(signal, (sdk) => sdk.call.archive(receipt.id));
          return true;
        } catch (error) {
          if (statusOf(error) === 404) return false;
          throw error;
        }
      });
    },
    read: ({ receipt }, { signal }) => speakable(() => readCall({ api, id: receipt.id, signal })),
    rematch: ({ receipt, to }, { signal }) => speakable(() => rematchCall({ api, receipt, to, links, owners, related, signal })),
    close: async () => undefined,
  };
}

function outcomeOf(trip: Trip | undefined, links: Links): Outcome {
  if (trip?.outcome) return trip.outcome;
  if (trip?.callId !== undefined) return { kind: "delivered", receipt: receiptOf(trip, { links }) };
  return { kind: "ambiguous", code: "not_sent", reason: "the call was not part of its batch" };
}

async function writeCalls(options: { trips: Trip[]; api: HubSpotApi; dispositions: Dispositions; signal: AbortSignal }): Promise<void> {
  const { trips, api, dispositions, signal } = options;
  const calls = trips.map(({ delivery, record }) => ({ key: delivery.key, properties: record.properties }));
  const upserted = await upsertCalls({ api, calls, dispositions, signal });
  for (const trip of trips) {
    const one = upserted.get(trip.delivery.key);
    if (one && "id" in one) {
      trip.callId = one.id;
      if (one.withoutDisposition) trip.leftOut = DISPOSITION_PROPERTY;
    } else if (one) trip.outcome = one.outcome;
  }
}

/** An association is written once in a record's life: a person may have put the call on another contact since. */
async function writeAssociations(options: { trips: Trip[]; api: HubSpotApi; finder: ContactFinder; signal: AbortSignal }): Promise<void> {
  const { trips, api, finder, signal } = options;
  for (const kind of KINDS) {
    const associations = open(trips).flatMap(({ delivery: { previous }, callId, targets }) => {
      const isWritten = previous?.id === callId && idsWritten(previous, kind).length > 0;
      return callId === undefined || isWritten ? [] : targets[kind].map((toId) => ({ callId, toId }));
    });
    const failed = await associateCalls({ api, to: kind, associations, signal });
    for (const trip of open(trips)) {
      const outcome = failed.get(trip.callId ?? "");
      if (!outcome) continue;
      trip.outcome = outcome;
      // Whoever was found may have gone since. HubSpot's own trouble says nothing of her.
      const wanted = "code" in outcome && outcome.code === NOT_ASSOCIATED ? wantedNumber(trip) : undefined;
      if (wanted) finder.forget(wanted);
    }
  }
}
