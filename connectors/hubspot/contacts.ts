import type { Filter, SimplePublicObject } from "@hubspot/api-client/lib/codegen/crm/contacts/index.js";
import { isSupportedCountry, parsePhoneNumberFromString } from "libphonenumber-js";
import { createExpiringCache, type Outcome, untilAborted } from "../../src/connector.ts";
import type { HubSpotApi } from "./client.ts";
import { outcomeOfReadError } from "./outcome.ts";
import { createPace, TooManyWaitError } from "./pace.ts";

/** Ids of the contacts that have a number, the one that was changed last first; or why it could not be found out. */
export type FoundContacts = { ids: string[] } | { outcome: Outcome };

export interface ContactFinder {
  find(number: string, options: { maxWaitMs: number; signal: AbortSignal }): Promise<FoundContacts>;
  /** The next `find` asks HubSpot. */
  forget(number: string): void;
}

/** A contact that was made a minute ago should get its calls; one that is known rarely goes away. */
const REMEMBER_FOUND_MS = 10 * 60_000;
const REMEMBER_NONE_MS = 60_000;

/**
 * Contacts by phone number. HubSpot takes 5 searches a second per account
 * (https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm); a timer may be a little early.
 */
export function createContactFinder(options: { api: HubSpotApi }): ContactFinder {
  const { api } = options;
  const pace = createPace({ starts: 5, perMs: 1_020 });
  const known = createExpiringCache<string[]>({ maxEntries: 10_000 });

  return {
    async find(number, { maxWaitMs, signal }) {
      const remembered = known.get(number);
      if (remembered) return { ids: remembered };
      try {
        const ids = await pace.run(() => search({ api, number, signal }), { maxWaitMs, signal });
        known.set(number, ids, ids.length > 0 ? REMEMBER_FOUND_MS : REMEMBER_NONE_MS);
        return { ids };
      } catch (error) {
        return { outcome: error instanceof TooManyWaitError ? searchesQueue(error.waitMs) : outcomeOfReadError(error) };
      }
    },
    forget: (number) => known.delete(number),
  };
}

function searchesQueue(retryAfterMs: number): Outcome {
  const reason = "HubSpot takes five contact searches a second, and many wait";
  return { kind: "retry", because: "rate-limit", scope: "call", code: "search_pace", reason, retryAfterMs };
}

async function search(options: { api: HubSpotApi; number: string; signal: AbortSignal }): Promise<string[]> {
  const { api, number, signal } = options;
  const customer = parsePhoneNumberFromString(number);
  if (!customer) return [];
  const answer = await untilAborted(signal, () =>
    api.contacts.doSearch({
      filterGroups: filtersFor({ e164: customer.number, national: customer.nationalNumber }).map((filter) => ({ filters: [filter] })),
      properties: ["phone", "mobilephone", "hs_calculated_phone_number_country_code"],
      limit: 100,
    }),
  );
  return answer.results
    .filter((contact) => hasNumber(contact, { e164: customer.number, callingCode: customer.countryCallingCode }))
    .sort((a, b) => b.updatedAt.getTime() - a.updatedAt.getTime())
    .map(({ id }) => id);
}

/**
 * One of them must hold. HubSpot's calculated numbers have no country code ("you should refrain from including" it), so they find too
 * much; the last one finds numbers that were typed with a code which HubSpot did not recognise.
 */
function filtersFor(number: { e164: string; national: string }): Filter[] {
  const equal = (propertyName: string, value: string) => ({ propertyName, operator: "EQ" as Filter["operator"], value });
  return [
    equal("hs_searchable_calculated_phone_number", number.national),
    equal("hs_searchable_calculated_mobile_number", number.national),
    equal("phone", number.e164),
    equal("mobilephone", number.e164),
    {
      propertyName: "hs_searchable_calculated_phone_number",
      operator: "CONTAINS_TOKEN" as Filter["operator"],
      value: `*${number.national}`,
    },
  ];
}

/** People type numbers as they like: without the country's code it is read as one of the caller's country, unless HubSpot knows the country. */
function hasNumber(contact: SimplePublicObject, customer: { e164: string; callingCode: string }): boolean {
  const country = contact.properties.hs_calculated_phone_number_country_code ?? "";
  return (["phone", "mobilephone"] as const).some((name) => {
    const typed = contact.properties[name]?.trim().replace(/^00/, "+") ?? "";
    if (typed === "") return false;
    const defaults =
      name === "phone" && isSupportedCountry(country) ? { defaultCountry: country } : { defaultCallingCode: customer.callingCode };
    return parsePhoneNumberFromString(typed, defaults)?.number === customer.e164;
  });
}
