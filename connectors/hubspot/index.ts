import { z } from "zod";
import { defineConnector, httpSettings, secret } from "../../src/connector.ts";
import { hubspotWith } from "./with.ts";

/** One call activity per call in HubSpot, on the contact that has the customer's number. */
export const hubspot = defineConnector({
  name: "hubspot",
  title: "HubSpot",
  keeps: "record",
  duplicates: "native-key",
  settings: z.strictObject({
    access_token: secret().describe(
      "The access token of a private app with the scopes crm.objects.contacts.read, crm.objects.contacts.write and crm.schemas.contacts.write",
    ),
    ...httpSettings,
  }),
  with: hubspotWith,
  // A number that is not known yet costs a search, of which HubSpot takes five a second: what is under way together must fit into one attempt.
  sends: [],
  batch: { maxCalls: 20, concurrency: 2 },

  async open({ settings, timeoutMs }) {
    const { openHubSpot } = await import("./destination.ts");
    return openHubSpot({ accessToken: settings.access_token, baseUrl: settings.base_url, timeoutMs });
  },

  sandbox: () => import("./sandbox.ts"),
});
