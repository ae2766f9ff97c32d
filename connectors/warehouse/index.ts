import { z } from "zod";
import { defineConnector, httpSettings, secret } from "../../src/connector.ts";
import { IDENTIFIER, TABLE_COLUMNS } from "./columns.ts";

const IDENTIFIER_RULE = "must begin with a small letter or _, then a-z, 0-9 and _, at most 63";
const OURS = new Set(TABLE_COLUMNS.map(({ name }) => name));

const identifier = z.string().regex(IDENTIFIER, IDENTIFIER_RULE);
const columnName = identifier.refine((name) => !OURS.has(name), "is a column that the table has anyway: choose another name");

/** `:memory:` keeps nothing; `md:` is another service. */
const WAREHOUSE_URL = /^(duckdb:(?!:memory:|md:).+|postgres(ql)?:\/\/.+)$/;

/** One row per call in a table of DuckDB or PostgreSQL, made and widened by itself. */
export const warehouse = defineConnector({
  name: "warehouse",
  title: "Warehouse",
  keeps: "record",
  duplicates: "native-key",
  settings: z
    .strictObject({
      url: secret()
        .refine((url) => WAREHOUSE_URL.test(url.reveal()), "must be duckdb:<file> or postgres://user:password@host/database")
        .describe("Which database: duckdb:data/warehouse.duckdb, or postgres://user:password@host/database"),
      table: identifier.default("calls").describe("The table's name; it is made if it is not there. Default calls"),
      schema: identifier.optional().describe("PostgreSQL: the schema that the table is in. Default: the first of the role's search_path"),
      timeout: httpSettings.timeout,
    })
    .refine(({ url, schema }) => schema === undefined || !url.reveal().startsWith("duckdb:"), {
      path: ["schema"],
      message: "is for PostgreSQL only",
    }),
  with: z.strictObject({
    columns: z
      .record(columnName, z.string())
      .optional()
      .describe('More text columns and their values: { campaign: "{{ metadata.campaign }}" }. A value that is empty blanks nothing'),
  }),
  sends: [],
  batch: { maxCalls: 500, concurrency: 1 },

  async open({ settings, timeoutMs }) {
    const { url, table, schema } = settings;
    const [{ sendRows }, store] = await Promise.all([
      import("./send.ts"),
      url.reveal().startsWith("duckdb:")
        ? import("./duckdb.ts").then(({ openDuckDbStore }) => openDuckDbStore({ url, table }))
        : import("./postgres.ts").then(({ openPostgresStore }) => openPostgresStore({ url, table, schema, timeoutMs })),
    ]);
    try {
      await store.prepare(TABLE_COLUMNS);
    } catch (error) {
      await store.close();
      throw error;
    }
    return {
      send: (deliveries, { signal }) => sendRows({ deliveries, store, signal }),
      erase: ({ key }, { signal }) => store.erase(key, { signal }),
      close: () => store.close(),
    };
  },

  sandbox: () => import("./sandbox.ts"),
});
