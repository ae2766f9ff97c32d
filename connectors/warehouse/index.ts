import { defineConnector } from "../../src/connector/index.ts";
import { engineOf } from "./engines/index.ts";
import { refusedColumns, SENT_FIELDS, warehouseWith } from "./mapping.ts";
import { warehouseSettings } from "./settings.ts";

/** One row per call in a table, made and widened by itself. */
export const warehouse = defineConnector({
  name: "warehouse",
  title: "Warehouse",
  keeps: "record",
  duplicates: "native-key",
  settings: warehouseSettings,
  with: warehouseWith,
  sends: SENT_FIELDS,
  batch: { maxCalls: 500, concurrency: 1 },
  checkWith: refusedColumns,
  note: ({ url }) => (typeof url === "string" ? engineOf(url)?.note : undefined),
  files: ({ url }) => engineOf(url.reveal())?.files?.(url.reveal()),
  needs: ({ url }) => (typeof url === "string" ? (engineOf(url)?.packages ?? []) : []),
  open: async (options) => (await import("./open.ts")).openWarehouse(options),
  sandbox: () => import("./sandbox/index.ts"),
});
