import { httpSettings, Secret, secret, z } from "../../src/connector/index.ts";
import { engineOf, enginesWith, type OwnSetting } from "./engines/index.ts";
import { identifier, tableName } from "./names.ts";

const URL_RULE =
  "must be duckdb:<file>, parquet:<folder>, postgres://user:password@host/database, clickhouse://user:password@host:8123/database, bigquery://project/dataset or snowflake://account/database/schema";
const OWN_SETTINGS: readonly OwnSetting[] = ["schema", "credentials", "location", "username", "private_key", "base_url", "linger"];

export const warehouseSettings = z
  .strictObject({
    url: secret()
      .refine((url) => engineOf(url.reveal()) !== undefined, URL_RULE)
      .describe(
        "Which database: duckdb:data/warehouse.duckdb, parquet:data/calls, postgres://user:password@host/database, clickhouse://user:password@host:8123/database (clickhouses:// for TLS), bigquery://project/dataset, or snowflake://account/database/schema?warehouse=…&role=…",
      ),
    table: tableName.default("calls").describe("The table's name; it is made if it is not there. Default calls"),
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
  });

export type WarehouseSettings = z.output<typeof warehouseSettings>;
