import type { Outcome } from "../../src/connector.ts";
import type { HubSpotApi } from "./client.ts";
import { type Contact, type ContactFinder, contactOf, PHONE_FIELDS, type WantedNumber } from "./contacts.ts";
import { outcomeOfHubSpotError } from "./outcome.ts";

export type MadeContacts = { contacts: Contact[] } | { outcome: Outcome };

export interface ContactMaker {
  /** The contacts that have the number by now, else one that is made for it. `owner`: HubSpot's id of it. */
  make(
    wanted: WantedNumber,
    options: { owner: string | undefined; justAsked: boolean; maxWaitMs: number; signal: AbortSignal },
  ): Promise<MadeContacts>;
}

/** Until HubSpot's search sees a new contact: 5 to 30 s are reported. */
const SEEN_AFTER_MS = 60_000;

/**
 * Makes contacts for numbers that nobody has: one for each number in this process, however many calls ask. HubSpot knows no unique phone number, and
 * its search lags: two processes that meet a new number within that half minute can make one each.
 */
export function createContactMaker(options: { api: HubSpotApi; finder: ContactFinder }): ContactMaker {
  const { api, finder } = options;
  const making = new Map<string, Promise<MadeContacts>>();

  async function makeNow(wanted: WantedNumber, options: Parameters<ContactMaker["make"]>[1]): Promise<MadeContacts> {
    const { owner, justAsked, maxWaitMs, signal } = options;
    if (!justAsked) {
      finder.forget(wanted);
      const found = await finder.find(wanted, { maxWaitMs, signal });
      if ("outcome" in found || found.contacts.length > 0) return found;
    }
    const [field = "phone"] = wanted.fields ?? PHONE_FIELDS;
    const properties = { [field]: wanted.number, ...(owner === undefined ? {} : { hubspot_owner_id: owner }) };
    try {
      const contact = contactOf(await api.ask(signal, (sdk) => sdk.contact.create({ properties, associations: [] })));
      finder.remember(wanted, contact);
      return { contacts: [contact] };
    } catch (error) {
      return { outcome: outcomeOfMaking(error) };
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

/** It may be there although no answer came: looked for again when HubSpot's search would see it. */
function outcomeOfMaking(error: unknown): Outcome {
  const outcome = outcomeOfHubSpotError(error);
  const reason = "HubSpot may have made the contact, and its search does not show it yet";
  if (outcome.kind === "ambiguous")
    return { kind: "retry", because: "record", code: "contact_unclear", reason, retryAfterMs: SEEN_AFTER_MS };
  if (outcome.kind === "retry" && outcome.because === "server") return { ...outcome, retryAfterMs: SEEN_AFTER_MS };
  return outcome;
}
