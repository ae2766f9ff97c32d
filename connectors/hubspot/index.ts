import { z } from "zod";
import { defineConnector, httpSettings, secret } from "../../src/connector/index.ts";
import { hubspotWith } from "./mapping.ts";
import { hubspotSends } from "./sends.ts";

/** One call activity per call in HubSpot, on the contact that has the customer's number. */
export const hubspot = defineConnector({
  name: "hubspot",
  title: "HubSpot",
  keeps: "record",
  duplicates: "native-key",
  settings: z.strictObject({
    access_token: secret().describe(
      "A service key (HubSpot: Development → Keys → Service keys), or the access token of a projects app, with the scopes crm.objects.contacts.read, crm.objects.contacts.write, crm.objects.owners.read and, for setup, crm.schemas.contacts.write",
    ),
    ...httpSettings,
  }),
  with: hubspotWith,
  sends: hubspotSends,
  // HubSpot's own maximum. Ten at once reach its limit of requests also where an answer takes half a second; with more of them batches would fill less.
  batch: { maxCalls: 100, concurrency: 10 },

  async setup({ settings, timeoutMs }) {
    const { setUpHubSpot } = await import("./setup.ts");
    return setUpHubSpot({ accessToken: settings.access_token, baseUrl: settings.base_url, timeoutMs });
  },

  async open({ settings, timeoutMs }) {
    const { openHubSpot } = await import("./open.ts");
    return openHubSpot({ accessToken: settings.access_token, baseUrl: settings.base_url, timeoutMs });
  },

  sandbox: () => import("./sandbox/index.ts"),
});
