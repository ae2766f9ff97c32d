import { z } from "zod";
import { crmWords, type SentField } from "../../src/connector/index.ts";

/** The connector sets them, or they need a registered calling app: HubSpot refuses them on their own. */
const NOT_TO_BE_SET = new Set(["voice_call_id", "hs_call_source", "hs_call_app_id", "hs_call_external_id", "hs_call_external_account_id"]);

const propertyName = z
  .string()
  .regex(/^[a-z][a-z0-9_]*$/, "is the internal name of a call property in HubSpot: a-z, 0-9 and _")
  .refine((name) => !NOT_TO_BE_SET.has(name), "cannot be set: it belongs to Patchbay, or to HubSpot's calling apps");

/** A route's `with`. */
export const hubspotMapping = z.strictObject(crmWords({ fieldName: propertyName }));

export type HubSpotWith = z.output<typeof hubspotMapping>;

/** What HubSpot can be sent: properties of a call, and what a call is put on. */
export const sentFields: readonly SentField[] = [
  { field: "voice_call_id", what: "source and call_id: one call is kept for each" },
  { field: "hs_timestamp", what: "start_time, in Unix milliseconds: the place on the timeline" },
  { field: "hs_call_title", what: "title, else direction, the contact's name or number, and the agent; 255 characters" },
  {
    field: "hs_call_body",
    what: "body, else summary, call_outcome, agent, recording_url and transcript, as far as they are shared; HTML with all text escaped, 65,000 characters with a mark where it is cut",
  },
  { field: "hs_call_direction", what: "direction: INBOUND or OUTBOUND; left out when it is unknown" },
  { field: "hs_call_duration", what: "duration_seconds, in milliseconds" },
  { field: "hs_call_status", what: "COMPLETED for answered and voicemail, FAILED for failed; left out for other words" },
  {
    field: "hs_call_disposition",
    what: "outcome, else Connected for answered, Left voicemail for an outbound voicemail, No answer for failed; HubSpot's id of it",
  },
  { field: "hs_call_from_number", what: "from_number in E.164; left out when it is none" },
  { field: "hs_call_to_number", what: "to_number in E.164; left out when it is none" },
  { field: "hs_call_recording_url", what: "recording_url, if HubSpot can play it: https, .mp3 or .wav" },
  {
    field: "hubspot_owner_id",
    what: "HubSpot's id of owner, else of the agent's owner; left out when HubSpot does not know the address, or refuses the owner",
  },
  { field: "fields", what: "the route's own call properties" },
  {
    field: "association: contact",
    what: "the contact who has customer_number (one of both numbers where nobody can tell which is the customer's), by associate and match",
  },
  { field: "association: company", what: "that contact's primary company, with associate: [company]" },
  { field: "association: deal", what: "that contact's newest open deal, with associate: [open_deal]" },
  {
    field: "contact: phone",
    what: "customer_number, for a contact that is made by on_none: create_contact (in the first of match.phone_fields)",
  },
  { field: "contact: hubspot_owner_id", what: "the call's owner, for a contact that is made; left out when HubSpot refuses the owner" },
];
