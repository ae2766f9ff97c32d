import { defineConnector } from "../../src/connector/index.ts";
import { exampleWith, SENT_FIELDS } from "./mapping.ts";
import { exampleSettings } from "./settings.ts";

/** A record per call in Example. */
export const example = defineConnector({
  name: "example",
  title: "Example",
  keeps: "record",
  duplicates: "native-key",
  settings: exampleSettings,
  with: exampleWith,
  sends: SENT_FIELDS,
  batch: { maxCalls: 1, concurrency: 4 },
  open: async (options) => (await import("./open.ts")).openExample(options),
  sandbox: () => import("./sandbox/index.ts"),
});
