import { z } from "zod";

/** Set by the connector, or only valid together with a registered calling app: HubSpot refuses them on their own. */
const NOT_TO_BE_SET = new Set(["voice_call_id", "hs_call_source", "hs_call_app_id", "hs_call_external_id", "hs_call_external_account_id"]);

const DISPOSITION = /^(none|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$/;

const propertyName = z
  .string()
  .regex(/^[a-z][a-z0-9_]*$/, "is the internal name of a call property in HubSpot: a-z, 0-9 and _")
  .refine((name) => !NOT_TO_BE_SET.has(name), "cannot be set: it belongs to Patchbay, or to HubSpot's calling apps");

/** A route's `with`. */
export const hubspotWith = z.strictObject({
  title: z.string().optional().describe("The call's title. Default: AI call: inbound from +14155550100 (Sales line)"),
  body: z
    .string()
    .optional()
    .describe(
      "The call's notes, as plain text. Default: summary, outcome, agent, and what else the route shares. If it comes out empty, nothing is written",
    ),
  fields: z
    .record(propertyName, z.string())
    .optional()
    .describe(
      'More properties of the call and their values: { voice_campaign: "{{ metadata.campaign }}" }. A value that is empty blanks nothing',
    ),
  outcome: z
    .record(z.string(), z.string().regex(DISPOSITION, 'is the id of a call outcome in HubSpot (a GUID), or "none"'))
    .optional()
    .describe(
      'HubSpot\'s call outcome (its id) for each call_outcome, or "none". Default: answered is Connected, an outbound voicemail Left voicemail, failed No answer',
    ),
  match: z
    .strictObject({
      on_many: z
        .enum(["most_recent", "none"])
        .default("most_recent")
        .describe("When several contacts have the number: the one that was changed last, or none of them"),
      on_none: z
        .enum(["log_unassociated"])
        .default("log_unassociated")
        .describe("When no contact has the number: the call is logged without one"),
    })
    .optional()
    .describe("Which contact the call is logged on"),
});

export type HubSpotWith = z.output<typeof hubspotWith>;
