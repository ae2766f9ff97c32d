import type { Delivery, Outcome, Person, RefusedDetail } from "../../src/connector/index.ts";
import type { CallBody } from "./body.ts";
import type { HubSpotWith } from "./mapping.ts";
import type { Contact } from "./people/find.ts";
import type { AssociatedKind } from "./requests.ts";

/** One delivery between `send` and its outcome. The steps of `send.ts` fill it in, in the order of its parts. */
export interface CallItem {
  delivery: Delivery<HubSpotWith>;
  /** Once it is set, the steps pass the item over. */
  outcome?: Outcome;
  /** What HubSpot refused, and the call, or the contact created for it, was written without. */
  leftOut: RefusedDetail[];
  /** Ids of records that HubSpot does not have any more, although an earlier version of the call, or a search, had them. */
  gone: Set<string>;

  // Found before the call is written:
  /** HubSpot's id of the call's owner. */
  ownerId?: string | undefined;
  /** The contacts that the call is logged on; the first one is named. */
  contacts: Contact[];
  /** How many contacts have the number; undefined: HubSpot was not asked. */
  found?: number | undefined;
  /** HubSpot's code for why it refused to create a contact. */
  contactRefused?: string;
  /** Ids of the records that the call is to be put on. */
  targets: Record<AssociatedKind, string[]>;
  /** Never an empty value: HubSpot takes "" for "clear it". */
  properties: Record<string, string>;
  /** The notes that we compose; absent when the route writes its own. */
  body?: CallBody | undefined;

  // Known after it is written:
  callId?: string;
  /** The owner that the call was once given: a person may have changed it since. */
  ownerWritten?: string | undefined;
  /** The first contact, for the receipt. */
  person?: Person;
}

export const KINDS: readonly AssociatedKind[] = ["contacts", "companies", "deals"];

export function startItem(delivery: Delivery<HubSpotWith>): CallItem {
  const targets = { contacts: [], companies: [], deals: [] };
  return { delivery, contacts: [], targets, properties: {}, leftOut: [], gone: new Set() };
}

/** The items without an outcome. */
export function pending(items: CallItem[]): CallItem[] {
  return items.filter(({ outcome }) => outcome === undefined);
}

/** Somebody deleted the call in HubSpot, and this version has created another one. Known once it is written. */
export function isRecreated({ delivery: { previous }, callId }: CallItem): boolean {
  return previous !== undefined && callId !== undefined && previous.id !== callId;
}
