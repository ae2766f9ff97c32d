import type { OpenDestination, Outcome, Secret } from "../../src/connector/index.ts";
import { findTargets } from "./associations/targets.ts";
import { createAssociationWriter } from "./associations/write.ts";
import { CALL_ID_PROPERTY } from "./call-id.ts";
import { createCallWriter } from "./calls/write.ts";
import { connect } from "./client.ts";
import { createDispositions } from "./dispositions.ts";
import { speakable } from "./errors.ts";
import { open, startTrip, type Trip } from "./item.ts";
import type { HubSpotWith } from "./mapping.ts";
import { keepLostNotes } from "./notes.ts";
import { createRelatedRecords } from "./people/companies-deals.ts";
import { createContactMaker } from "./people/create.ts";
import { createContactFinder } from "./people/find.ts";
import { findOwners, findPeople } from "./people/match.ts";
import { createOwners } from "./people/owners.ts";
import { type CallIdKind, callIdKindOf } from "./property.ts";
import { namePeople, receiptOf } from "./receipt.ts";
import { composeRecord } from "./record.ts";
import { type Links, readLinks } from "./record-links.ts";
import { readCallBack, rematchCall } from "./rematch.ts";
import { archiveCall } from "./requests.ts";
import { statusOf } from "./vendor-error.ts";

/** Searches may use this share of an attempt's time: whose number is not known by then comes later, and the others of its batch are written. */
const SEARCH_SHARE = 1 / 3;
/** A request waits for its turn at most for this share. */
const PACE_SHARE = 1 / 3;

/** Links are worth no more of the opening's time. */
const LINKS_SHARE = 1 / 3;

const ABOUT: Record<CallIdKind, string> = {
  unique: `HubSpot itself keeps one call for each ${CALL_ID_PROPERTY} (unique values)`,
  plain: `this account has no unique values for ${CALL_ID_PROPERTY}: Patchbay looks a call up before it writes it`,
};

/** @throws {OpenError} HubSpot refuses the token, or the account is not set up; or a network error. */
export async function openHubSpot(options: {
  accessToken: Secret;
  baseUrl: string | undefined;
  timeoutMs: number;
}): Promise<OpenDestination<HubSpotWith>> {
  const { accessToken, baseUrl, timeoutMs } = options;
  const api = connect({ accessToken, baseUrl, maxWaitMs: timeoutMs * PACE_SHARE });
  const kind = await callIdKindOf({ api, signal: AbortSignal.timeout(timeoutMs) });
  const links = await readLinks({ api, signal: AbortSignal.timeout(Math.ceil(timeoutMs * LINKS_SHARE)) });
  const finder = createContactFinder({ api });
  const maker = createContactMaker({ api, finder });
  const owners = createOwners({ api });
  const dispositions = createDispositions({ api });
  const related = createRelatedRecords({ api });
  const account = links.accountId === undefined ? undefined : `${baseUrl ?? ""} ${links.accountId}`;
  const writeCalls = createCallWriter({ api, kind, account, dispositions, owners });
  const writeAssociations = createAssociationWriter({ api, finder, related });
  const underWay = new Set<Promise<void>>();

  async function sendOnce(trips: Trip[], signal: AbortSignal): Promise<void> {
    const searchUntilMs = performance.now() + timeoutMs * SEARCH_SHARE;
    await findOwners({ trips, owners, signal });
    const stale = await write(open(trips), { searchUntilMs, isLast: false, signal });
    if (stale.length > 0) await write(stale, { searchUntilMs, isLast: true, signal });
  }

  /** Gives those whose contact, company or deal was gone when they were put on it. */
  async function write(trips: Trip[], how: { searchUntilMs: number; isLast: boolean; signal: AbortSignal }): Promise<Trip[]> {
    const { searchUntilMs, signal } = how;
    await findPeople({ trips, finder, maker, searchUntilMs, signal });
    await findTargets({ trips: open(trips), related, signal });
    await Promise.all(open(trips).map((trip) => composeRecord(trip, { dispositions, signal })));
    await keepLostNotes({ trips: open(trips), api, signal });
    const named = namePeople({ trips: open(trips), links, owners, signal });
    await writeCalls(open(trips), signal);
    const stale = await writeAssociations(open(trips), how);
    await named;
    return stale;
  }

  return {
    about: ABOUT[kind],
    async send(deliveries, { signal }) {
      // HubSpot refuses a batch that has an id twice: the later one is the newer version.
      const trips = new Map(deliveries.map((delivery) => [delivery.key, startTrip(delivery)]));
      const sending = sendOnce([...trips.values()], signal);
      underWay.add(sending);
      await sending.finally(() => underWay.delete(sending));
      return deliveries.map(({ key }) => outcomeOf(trips.get(key), links));
    },
    /** HubSpot puts it into its recycle bin, from where it goes after 90 days (knowledge.hubspot.com/records/restore-deleted-records). */
    async erase({ receipt }, { signal }) {
      return speakable(async () => {
        try {
          await api.ask(signal, archiveCall(receipt.id));
          return true;
        } catch (error) {
          if (statusOf(error) === 404) return false;
          throw error;
        }
      });
    },
    read: ({ receipt }, { signal }) => speakable(() => readCallBack({ api, id: receipt.id, signal })),
    rematch: ({ receipt, to }, { signal }) => speakable(() => rematchCall({ api, receipt, to, links, owners, related, signal })),
    /** A destination is closed while others still send by it, when one of its calls was refused: they end first, and then what outlives an attempt. */
    async close() {
      const late = new Promise((resolve) => setTimeout(resolve, timeoutMs).unref());
      await Promise.race([Promise.allSettled(underWay), late]);
      api.close();
    },
  };
}

function outcomeOf(trip: Trip | undefined, links: Links): Outcome {
  if (trip?.outcome) return trip.outcome;
  if (trip?.callId !== undefined) return { kind: "delivered", receipt: receiptOf(trip, { links }) };
  return { kind: "ambiguous", code: "not_sent", reason: "the call was not part of its batch" };
}
