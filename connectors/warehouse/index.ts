import { z } from "zod";
import { defineConnector, httpSettings, Secret, secret } from "../../src/connector/index.ts";
import { CALL_COLUMNS, DELIVERED_AT, IDENTIFIER, OWN_NAMES, TABLE_COLUMNS, UPDATED_AT } from "./columns.ts";
import { engineOf, enginesWith, type OwnSetting } from "./engines.ts";

const IDENTIFIER_RULE = "must begin with a small letter or _, then a-z, 0-9 and _, at most 63";
const OURS = new Set(TABLE_COLUMNS.map(({ name }) => name));

const identifier = z.string().regex(IDENTIFIER, IDENTIFIER_RULE);
const ownName = identifier.refine((name) => !OWN_NAMES.includes(name), "is a name that Patchbay's own statements use: choose another name");
const columnName = ownName.refine((name) => !OURS.has(name), "is a column that the table has anyway: choose another name");

const URL_RULE =
  "must be duckdb:<file>, parquet:<folder>, postgres://user:password@host/database, clickhouse://user:password@host:8123/database, bigquery://project/dataset or snowflake://account/database/schema";
const OWN_SETTINGS: readonly OwnSetting[] = ["schema", "credentials", "location", "username", "private_key", "base_url", "linger"];

/** One row per call in a table, made and widened by itself. */
export const warehouse = defineConnector({
  name: "warehouse",
  title: "Warehouse",
  keeps: "record",
  duplicates: "native-key",
  settings: z
    .strictObject({
      url: secret()
        .refine((url) => engineOf(url.reveal()) !== undefined, URL_RULE)
        .describe(
          "Which database: duckdb:data/warehouse.duckdb, parquet:data/calls, postgres://user:password@host/database, clickhouse://user:password@host:8123/database (clickhouses:// for TLS), bigquery://project/dataset, or snowflake://account/database/schema?warehouse=…&role=…",
        ),
      table: ownName.default("calls").describe("The table's name; it is made if it is not there. Default calls"),
      schema: identifier.optional().describe("PostgreSQL: the schema that the table is in. Default: the first of the role's search_path"),
      credentials: secret()
        .optional()
        .describe("BigQuery: the JSON key of a service account. Default: Google's application default credentials"),
      location: z
        .string()
        .min(1)
        .optional()
        .describe("BigQuery: where the dataset is, such as EU or europe-west3. Default: BigQuery finds it by the dataset"),
      username: z.string().min(1).optional().describe("Snowflake: the user whose public key is set"),
      private_key: secret().optional().describe("Snowflake: the user's private key, PEM (PKCS #8), not encrypted"),
      base_url: httpSettings.base_url,
      linger: z
        .string()
        .regex(/^([1-9]|10)s$/, "is a time from 1s to 10s")
        .optional()
        .describe("BigQuery, Snowflake: how long a call waits for others to go in one statement, 1s to 10s. Default: it does not wait"),
      timeout: httpSettings.timeout,
    })
    .superRefine((settings, context) => {
      // An address that is none is said already, and is then not read.
      const engine = settings.url instanceof Secret ? engineOf(settings.url.reveal()) : undefined;
      if (!engine) return;
      for (const key of OWN_SETTINGS) {
        const given = settings[key] !== undefined;
        if (given && !engine.takes.includes(key)) {
          context.addIssue({ code: "custom", path: [key], message: `is for ${enginesWith(key)} only` });
        }
        if (!given && engine.needs?.includes(key)) {
          context.addIssue({ code: "custom", path: [key], message: `is missing: ${engine.title} needs it` });
        }
      }
    }),
  with: z.strictObject({
    columns: z
      .record(columnName, z.string())
      .optional()
      .describe('More text columns and their values: { campaign: "{{ metadata.campaign }}" }. A value that is empty blanks nothing'),
  }),
  sends: [
    ...CALL_COLUMNS.map(({ name, what }) => ({ field: name, what })),
    { field: DELIVERED_AT, what: "when the row first came, by the database's clock" },
    { field: UPDATED_AT, what: "when the row was last written, by the database's clock" },
  ],
  batch: { maxCalls: 500, concurrency: 1 },

  checkWith({ with: { columns }, written: { url } }) {
    const engine = typeof url === "string" ? engineOf(url) : undefined;
    const names = typeof columns === "object" && columns !== null ? Object.keys(columns) : [];
    return names.flatMap((name) => {
      const why = engine?.reserved?.(name);
      return why === undefined ? [] : [{ path: ["columns", name], message: `the name "${name}" ${why}: choose another name` }];
    });
  },

  note({ url }) {
    return typeof url === "string" ? engineOf(url)?.note : undefined;
  },

  files({ url }) {
    return engineOf(url.reveal())?.files?.(url.reveal());
  },

  needs({ url }) {
    return typeof url === "string" ? (engineOf(url)?.packages ?? []) : [];
  },

  async open({ settings, timeoutMs }) {
    const engine = engineOf(settings.url.reveal());
    if (!engine) throw new Error("the settings were not parsed");
    const [{ sendRows }, store] = await Promise.all([import("./send.ts"), engine.open(settings, { timeoutMs })]);
    try {
      await store.prepare(TABLE_COLUMNS);
    } catch (error) {
      await store.close();
      throw error;
    }
    return {
      send: (deliveries, { signal }) => sendRows({ deliveries, store, signal }),
      erase: ({ key }, { signal }) => store.erase(key, { signal }),
      afterErase: async ({ signal }) => (store.afterErase ? store.afterErase({ signal }) : engine.keepsDeleted),
      read: ({ key }, { signal }) => store.read(key, { signal }),
      close: () => store.close(),
    };
  },

  sandbox: () => import("./sandbox.ts"),
});
