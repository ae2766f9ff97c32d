import type { Creation, NewPerson } from "../../../src/connector/index.ts";
import { OWNER_PROPERTY } from "../calls/drop-refused-fields.ts";
import { type HubSpotApi, SEARCH_LAG_MS } from "../client.ts";
import { mayHaveArrived, outcomeOfHubSpotError, REQUIRED_PROPERTY } from "../errors.ts";
import { createContact } from "../requests.ts";
import { complaintsIn } from "../vendor-error.ts";
import { type Contact, contactOf, PHONE_FIELDS } from "./find.ts";

/** The request outlives the attempt: its answer says whether the contact exists. */
const ANSWER_WITHIN_MS = 60_000;

/** Creates a contact with the number, without an owner that HubSpot refuses. Never throws. */
export async function createContactFor(api: HubSpotApi, person: NewPerson, signal: AbortSignal): Promise<Creation<Contact>> {
  const { number, owner, fields: [field = "phone"] = PHONE_FIELDS } = person;
  let isSent = false;
  const create = (ownerId: string | undefined) =>
    api.turn(signal, async (sendNow) => {
      isSent = true;
      const properties = { [field]: number, ...(ownerId === undefined ? {} : { [OWNER_PROPERTY]: ownerId }) };
      return { ...contactOf(await sendNow(createContact(properties), AbortSignal.timeout(ANSWER_WITHIN_MS))), numbers: [number] };
    });
  try {
    try {
      return { person: await create(owner) };
    } catch (error) {
      const complaint = complaintsIn(error).find(({ property }) => property === OWNER_PROPERTY);
      if (owner === undefined || !complaint) throw error;
      return { person: await create(undefined), leftOut: [{ field: `contact.${OWNER_PROPERTY}`, code: complaint.code }] };
    }
  } catch (error) {
    const refused = refusalOf(error);
    if (refused !== undefined) return { refused };
    const outcome = outcomeOfHubSpotError(error);
    if (!isSent || !mayHaveArrived(outcome)) return { outcome };
    if (outcome.kind !== "retry" || outcome.code === "unreadable_answer") return { isUnclear: true };
    const { code, reason } = outcome;
    return { isUnclear: true, outcome: { kind: "retry", because: "server", code, reason, retryAfterMs: SEARCH_LAG_MS } };
  }
}

/** HubSpot's code, with the property that it is about: `MISSING_REQUIRED_PROPERTY (email)`. Undefined when HubSpot has not refused such a contact. */
function refusalOf(error: unknown): string | undefined {
  const outcome = outcomeOfHubSpotError(error);
  const isRule = outcome.kind === "needs-fix" && outcome.code === REQUIRED_PROPERTY;
  if (outcome.kind !== "rejected" && !isRule) return undefined;
  const [complaint] = complaintsIn(error);
  if (complaint === undefined) return outcome.code;
  return complaint.property === undefined ? complaint.code : `${complaint.code} (${complaint.property})`;
}
