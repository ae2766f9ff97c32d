import { createExpiringCache, type Outcome } from "../../src/connector.ts";
import type { HubSpotApi } from "./client.ts";
import { type Contact, type ContactFinder, contactOf, PHONE_FIELDS, SEEN_AFTER_MS, type WantedNumber } from "./contacts.ts";
import { complaintsIn, outcomeOfHubSpotError } from "./outcome.ts";

/** `refused`: HubSpot's code for why it will not have such a contact. */
export type MadeContacts = { contacts: Contact[]; refused?: string } | { outcome: Outcome };

export interface ContactMaker {
  /** The contacts that have the number by now, else one that is made for it. `owner`: HubSpot's id of it. */
  make(
    wanted: WantedNumber,
    options: { owner: string | undefined; justAsked: boolean; maxWaitMs: number; signal: AbortSignal },
  ): Promise<MadeContacts>;
}

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
  async function create(sdk: HubSpotApi["sdk"], wanted: WantedNumber, owner: string | undefined): Promise<Contact> {
    const [field = "phone"] = wanted.fields ?? PHONE_FIELDS;
    const properties = { [field]: wanted.number, ...(owner === undefined ? {} : { hubspot_owner_id: owner }) };
    unclearUntilMs.set(wanted.number, performance.now() + SEEN_AFTER_MS, SEEN_AFTER_MS);
    try {
      const contact = contactOf(await sdk.contact.create({ properties, associations: [] }));
      finder.remember(wanted, contact);
      unclearUntilMs.delete(wanted.number);
      return contact;
    } catch (error) {
      if (!mayBeThere(outcomeOfHubSpotError(error))) unclearUntilMs.delete(wanted.number);
      throw error;
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
      return { contacts: [await api.ask(signal, (sdk) => create(sdk, wanted, owner))] };
    } catch (error) {
      const outcome = outcomeOfHubSpotError(error);
      if (outcome.kind === "rejected") return { contacts: [], refused: complaintsIn(error)[0]?.code ?? outcome.code };
      if (outcome.kind === "retry" && outcome.because === "server") return { outcome: { ...outcome, retryAfterMs: SEEN_AFTER_MS } };
      return { outcome: mayBeThere(outcome) ? unclear(SEEN_AFTER_MS) : outcome };
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

/** Whether HubSpot may have made the contact although its answer does not say so. */
function mayBeThere(outcome: Outcome): boolean {
  if (outcome.kind === "retry") return outcome.because === "server" || ["unreadable_answer", "http_408"].includes(outcome.code);
  return outcome.kind === "ambiguous";
}

/** Looked for again when HubSpot's search would see it. */
function unclear(retryAfterMs: number): Outcome {
  const reason = "HubSpot may have made the contact, and its search does not show it yet";
  return { kind: "retry", because: "record", code: "contact_unclear", reason, retryAfterMs: Math.ceil(retryAfterMs) };
}
