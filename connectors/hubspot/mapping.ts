import { z } from "zod";
import { crmWords } from "../../src/connector/index.ts";

/** Set by the connector, or only valid together with a registered calling app: HubSpot refuses them on their own. */
const NOT_TO_BE_SET = new Set(["voice_call_id", "hs_call_source", "hs_call_app_id", "hs_call_external_id", "hs_call_external_account_id"]);

const propertyName = z
  .string()
  .regex(/^[a-z][a-z0-9_]*$/, "is the internal name of a call property in HubSpot: a-z, 0-9 and _")
  .refine((name) => !NOT_TO_BE_SET.has(name), "cannot be set: it belongs to Patchbay, or to HubSpot's calling apps");

/** A route's `with`. */
export const hubspotWith = z.strictObject(crmWords({ fieldName: propertyName }));

export type HubSpotWith = z.output<typeof hubspotWith>;
