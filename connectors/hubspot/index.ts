import { defineConnector } from "../../src/connector/index.ts";
import { hubspotMapping, sentFields } from "./mapping.ts";
import { settingsSchema } from "./settings.ts";

/** One call activity per call in HubSpot, on the contact that has the customer's number. */
export const hubspot = defineConnector({
  name: "hubspot",
  title: "HubSpot",
  keeps: "record",
  duplicates: "native-key",
  settings: settingsSchema,
  with: hubspotMapping,
  sends: sentFields,
  // HubSpot's own maximum. Ten requests at once reach its rate limit even where an answer takes half a second; with more, batches would fill less.
  batch: { maxCalls: 100, concurrency: 10 },

  async setup(options) {
    const { setUpHubSpot } = await import("./setup.ts");
    return setUpHubSpot(options);
  },

  async open(options) {
    const { openHubSpot } = await import("./open.ts");
    return openHubSpot(options);
  },

  sandbox: () => import("./sandbox/index.ts"),
});
