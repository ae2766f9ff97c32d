import type { Delivery, Outcome, Person, Receipt } from "../../src/connector/index.ts";
import type { Detail } from "./calls/drop-refused-fields.ts";
import type { HubSpotWith } from "./mapping.ts";
import type { Contact } from "./people/find.ts";
import type { CallRecord } from "./record.ts";
import type { AssociatedKind } from "./requests.ts";

/** One delivery on its way. Each step adds what it finds out. */
export interface Trip {
  delivery: Delivery<HubSpotWith>;
  /** Ends it. */
  outcome?: Outcome;
  /** HubSpot's id of the call's owner. */
  ownerId?: string | undefined;
  /** Whom the call is logged on; the first one is named. */
  contacts: Contact[];
  /** The first of them, for the receipt. */
  person?: Person;
  /** How many have the number, where HubSpot was asked. */
  found?: number | undefined;
  /** HubSpot's code for why it would not have a contact made. */
  contactRefused?: string;
  /** Records that the call is to be put on. */
  targets: Record<AssociatedKind, string[]>;
  record: CallRecord;
  /** The call's id in HubSpot, once it is written. */
  callId?: string;
  /** The owner that the call was once given: a person may have changed it since. */
  ownerWritten?: string | undefined;
  /** What HubSpot would not take, and the call, or the contact made for it, was written without. */
  leftOut: Detail[];
  /** Records that HubSpot does not have any more, though an earlier version of the call, or a search, had them. */
  gone: Set<string>;
}

export const KINDS: readonly AssociatedKind[] = ["contacts", "companies", "deals"];

export function startTrip(delivery: Delivery<HubSpotWith>): Trip {
  return {
    delivery,
    contacts: [],
    targets: { contacts: [], companies: [], deals: [] },
    record: { properties: {} },
    leftOut: [],
    gone: new Set(),
  };
}

/** Those that go on. */
export function open(trips: Trip[]): Trip[] {
  return trips.filter(({ outcome }) => outcome === undefined);
}

/** Somebody deleted the call in HubSpot, and this version has made another. Known once it is written. */
export function isMadeAgain({ delivery: { previous }, callId }: Trip): boolean {
  return previous !== undefined && callId !== undefined && previous.id !== callId;
}

/** Ids that a call was put on by an earlier version. Older receipts have `contact_id`. */
export function idsWritten(receipt: Receipt | undefined, kind: AssociatedKind): string[] {
  const ids = receipt?.extra?.[kind] ?? (kind === "contacts" ? receipt?.extra?.contact_id : undefined);
  return ids?.split(" ").filter((id) => id !== "") ?? [];
}
