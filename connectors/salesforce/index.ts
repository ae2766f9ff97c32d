import { defineConnector } from "../../src/connector/index.ts";
import { sentFields, withSchema } from "./mapping.ts";
import { settingsSchema } from "./settings.ts";

/**
 * One Task per call, upserted on an external id and logged on the person who has the number.
 * Needs an External Client App (client credentials, JWT bearer or refresh token) and a Text(255) External ID field on Activity.
 */
export const salesforce = defineConnector({
  name: "salesforce",
  title: "Salesforce",
  keeps: "record",
  duplicates: "native-key",
  settings: settingsSchema,
  with: withSchema,
  sends: sentFields,
  // 200 records are what one collections request takes; each request counts against the org's daily limit.
  batch: { maxCalls: 200, concurrency: 2 },

  async setup(options) {
    const { setUpSalesforce } = await import("./setup.ts");
    return setUpSalesforce(options);
  },

  async open(options) {
    const { openSalesforce } = await import("./open.ts");
    return openSalesforce(options);
  },

  sandbox: () => import("./sandbox/index.ts"),
});
