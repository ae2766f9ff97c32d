import { createExpiringCache, type Outcome } from "../../../src/connector/index.ts";
import { type Detail, OWNER_PROPERTY } from "../calls/drop-refused-fields.ts";
import type { Carry, HubSpotApi } from "../client.ts";
import { mayHaveArrived, outcomeOfHubSpotError, REQUIRED_PROPERTY } from "../errors.ts";
import { createContact } from "../requests.ts";
import { complaintsIn } from "../vendor-error.ts";
import { type Contact, type ContactFinder, contactOf, PHONE_FIELDS, SEEN_AFTER_MS, type WantedNumber } from "./find.ts";

/** `refused`: HubSpot's code for why it will not have such a contact. `leftOut`: what it would not take, and the contact was made without. */
export type MadeContacts = { contacts: Contact[]; refused?: string; leftOut?: Detail } | { outcome: Outcome };

export interface ContactMaker {
  /** The contacts that have the number by now, else one that is made for it. `owner`: HubSpot's id of it. */
  make(
    wanted: WantedNumber,
    options: { owner: string | undefined; justAsked: boolean; maxWaitMs: number; signal: AbortSignal },
  ): Promise<MadeContacts>;
}

/** A request to make a contact outlives the attempt: its answer says that she is there. */
const ANSWER_WITHIN_MS = 60_000;

/**
 * Makes contacts for numbers that nobody has: one for each number in this process, however many calls ask. HubSpot knows no unique phone number, and
 * its search lags: two processes that meet a new number within that half minute can make one each.
 */
export function createContactMaker(options: { api: HubSpotApi; finder: ContactFinder }): ContactMaker {
  const { api, finder } = options;
  const making = new Map<string, Promise<MadeContacts>>();
  /** Until when a contact may be there that no answer told of, by number. An attempt that runs out of time cannot tell its sender: this outlives it. */
  const unclearUntilMs = createExpiringCache<number>({ maxEntries: 10_000 });

  /** Goes on when the attempt ends, and remembers the contact of an answer that comes late. */
  async function create(carry: Carry, wanted: WantedNumber, owner: string | undefined): Promise<Contact> {
    const [field = "phone"] = wanted.fields ?? PHONE_FIELDS;
    const properties = { [field]: wanted.number, ...(owner === undefined ? {} : { [OWNER_PROPERTY]: owner }) };
    unclearUntilMs.set(wanted.number, performance.now() + SEEN_AFTER_MS, SEEN_AFTER_MS);
    try {
      const contact = contactOf(await carry(createContact(properties), AbortSignal.timeout(ANSWER_WITHIN_MS)));
      finder.remember(wanted, contact);
      unclearUntilMs.delete(wanted.number);
      return contact;
    } catch (error) {
      if (!mayHaveArrived(outcomeOfHubSpotError(error))) unclearUntilMs.delete(wanted.number);
      throw error;
    }
  }

  /** An owner who has left HubSpot matters less than the contact. */
  async function createWithOrWithoutOwner(wanted: WantedNumber, owner: string | undefined, signal: AbortSignal): Promise<MadeContacts> {
    const createNow = (owner?: string) => api.turn(signal, (carry) => create(carry, wanted, owner));
    try {
      return { contacts: [await createNow(owner)] };
    } catch (error) {
      const complaint = complaintsIn(error).find(({ property }) => property === OWNER_PROPERTY);
      if (owner === undefined || !complaint) throw error;
      return { contacts: [await createNow()], leftOut: { field: `contact.${OWNER_PROPERTY}`, code: complaint.code } };
    }
  }

  async function makeNow(wanted: WantedNumber, options: Parameters<ContactMaker["make"]>[1]): Promise<MadeContacts> {
    const { owner, justAsked, maxWaitMs, signal } = options;
    if (!justAsked) finder.forget(wanted);
    const found = await finder.find(wanted, { maxWaitMs, signal });
    if ("outcome" in found || found.contacts.length > 0) return found;
    const untilMs = unclearUntilMs.get(wanted.number);
    if (untilMs !== undefined) return { outcome: unclear(untilMs - performance.now()) };
    try {
      return await createWithOrWithoutOwner(wanted, owner, signal);
    } catch (error) {
      const outcome = outcomeOfHubSpotError(error);
      const refused = refusalOf(error);
      if (refused !== undefined) return { contacts: [], refused };
      if (!mayHaveArrived(outcome)) return { outcome };
      // The next one, of this process or another, must not come before the search shows the contact.
      if (outcome.kind !== "retry" || outcome.code === "unreadable_answer") return { outcome: unclear(SEEN_AFTER_MS) };
      const { code, reason } = outcome;
      return { outcome: { kind: "retry", because: "server", code, reason, retryAfterMs: SEEN_AFTER_MS } };
    }
  }

  return {
    async make(wanted, options) {
      const underWay = making.get(wanted.number);
      if (underWay) return underWay;
      const made = makeNow(wanted, options).finally(() => making.delete(wanted.number));
      making.set(wanted.number, made);
      return made;
    },
  };
}

/** HubSpot's code, with the property that it is about: `MISSING_REQUIRED_PROPERTY (email)`. Undefined when it has not refused such a contact. */
function refusalOf(error: unknown): string | undefined {
  const outcome = outcomeOfHubSpotError(error);
  const isRule = outcome.kind === "needs-fix" && outcome.code === REQUIRED_PROPERTY;
  if (outcome.kind !== "rejected" && !isRule) return undefined;
  const [complaint] = complaintsIn(error);
  if (complaint === undefined) return outcome.code;
  return complaint.property === undefined ? complaint.code : `${complaint.code} (${complaint.property})`;
}

/** Looked for again when HubSpot's search would see it. */
function unclear(retryAfterMs: number): Outcome {
  const reason = "HubSpot may have made the contact, and its search does not show it yet";
  return { kind: "retry", because: "record", code: "contact_unclear", reason, retryAfterMs: Math.ceil(retryAfterMs) };
}
