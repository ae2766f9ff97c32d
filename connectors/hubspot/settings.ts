import { z } from "zod";
import { httpSettings, secret } from "../../src/connector/index.ts";

/** A destination's keys in routes.yaml. */
export const settingsSchema = z.strictObject({
  access_token: secret().describe(
    "A service key (HubSpot: Development → Keys → Service keys), or the access token of a projects app, with the scopes crm.objects.contacts.read, crm.objects.contacts.write, crm.objects.owners.read and, for setup, crm.schemas.contacts.write",
  ),
  ...httpSettings,
});

export type HubSpotSettings = z.output<typeof settingsSchema>;
