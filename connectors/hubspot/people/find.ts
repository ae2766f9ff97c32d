import { type CrmPerson, type CrmSearch, isSameNumber, type Outcome, RateLimitWaitError } from "../../../src/connector/index.ts";
import type { HubSpotRecord } from "../answers.ts";
import { type HubSpotApi, SEARCHES } from "../client.ts";
import { outcomeOfReadError } from "../errors.ts";
import { MAX_FOUND_PER_PAGE, searchRecords } from "../requests.ts";
import { searchesFor } from "./phone-search.ts";

/** A contact that a call may be logged on. `owner`: HubSpot's id of it. */
export interface Contact extends CrmPerson {
  name?: string;
}

/** Of a number that nobody has, in most accounts. */
const MOST_SEARCHES = 2;
/** Of a number that more contacts have than these pages hold, those that were changed last are known, and how many there are. */
const MAX_PAGES = 10;
export const PHONE_FIELDS = ["phone", "mobilephone"];

/** The contacts that may have a number, those that were changed last first. @throws as `api.search` */
export async function searchContacts(api: HubSpotApi, search: CrmSearch): Promise<{ people: Contact[]; unread: number }> {
  const { fields = PHONE_FIELDS, maxWaitMs, signal } = search;
  const [customer] = search.customers;
  if (!customer) return { people: [], unread: 0 };
  const untilMs = performance.now() + maxWaitMs;
  const found = new Map<string, Contact>();
  let unread = 0;
  let isContinued = false;
  for (const { groups: filterGroups, ifNobody } of searchesFor({ number: customer.number, fields })) {
    if (ifNobody && [...found.values()].some(({ numbers }) => numbers.some((typed) => isSameNumber(typed, customer)))) break;
    const properties = [...new Set([...fields, "firstname", "lastname", "hubspot_owner_id"])];
    let after: string | undefined;
    let read = 0;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const request = searchRecords("contacts", {
        filterGroups,
        sorts: [{ propertyName: "lastmodifieddate", direction: "DESCENDING" }],
        properties,
        limit: MAX_FOUND_PER_PAGE,
        ...(after === undefined ? {} : { after }),
      });
      const answer = await api.search(request, { maxWaitMs: Math.max(0, untilMs - performance.now()), signal, isContinued });
      isContinued = true;
      for (const record of answer.results) found.set(record.id, contactOf(record, fields));
      read += answer.results.length;
      after = answer.paging?.next?.after;
      if (after === undefined || page === MAX_PAGES - 1) unread += Math.max(0, answer.total - read);
      if (after === undefined) break;
    }
  }
  return { people: [...found.values()], unread };
}

export function contactOf({ id, properties, updatedAt = "" }: HubSpotRecord, fields: readonly string[] = PHONE_FIELDS): Contact {
  const typed = [properties.firstname, properties.lastname].filter((part) => part?.trim()).join(" ");
  // Dialers and imports enter a number as the name: it is no name, and receipts contain no numbers.
  const name = (typed.match(/\d/g) ?? []).length >= 7 ? "" : typed;
  return {
    id,
    ...(name === "" ? {} : { name }),
    owner: properties.hubspot_owner_id ?? undefined,
    modifiedAtMs: Date.parse(updatedAt) || 0,
    numbers: fields.map((field) => properties[field]?.trim() ?? "").filter((number) => number !== ""),
  };
}

/** What the error of a search means. Calls that cannot be searched for now come again one after the other, not all at once. */
export function createSearchErrors(): (error: unknown) => Outcome {
  let promisedMs = 0;
  const fix =
    "Correct match.phone_fields in routes.yaml (the internal names of contact properties), or make the property on contacts in HubSpot";
  return (error) => {
    if (!(error instanceof RateLimitWaitError)) return outcomeOfReadError(error, { fix });
    const nowMs = performance.now();
    promisedMs = Math.max(nowMs + error.waitMs, promisedMs + (MOST_SEARCHES * SEARCHES.perMs) / SEARCHES.max);
    const reason = "HubSpot takes five contact searches a second, and many wait";
    const retryAfterMs = Math.ceil(promisedMs - nowMs);
    return { kind: "retry", because: "rate-limit", scope: "call", code: "search_pace", reason, retryAfterMs };
  };
}
