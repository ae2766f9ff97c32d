import type { OwnFiles, Secret } from "../../../src/connector/index.ts";
import type { Store } from "../store.ts";
import { inBigQuery, inClickHouse, inPostgres, inSnowflake } from "./reserved.ts";

/** A destination's settings, as far as engines know them. */
export interface EngineSettings {
  url: Secret;
  table: string;
  schema?: string | undefined;
  credentials?: Secret | undefined;
  location?: string | undefined;
  username?: string | undefined;
  private_key?: Secret | undefined;
  base_url?: string | undefined;
}

/** Settings that only some engines know. */
export type OwnSetting = "schema" | "credentials" | "location" | "username" | "private_key" | "base_url" | "linger";

/** One kind of database: what its address looks like, and how a table in it is opened. */
export interface Engine {
  /** For people. */
  title: string;
  /** Of the whole address. */
  url: RegExp;
  takes: readonly OwnSetting[];
  needs?: readonly OwnSetting[];
  /** What the engine keeps of a deleted row, and until when: a sentence for `patchbay forget`. */
  keepsDeleted?: string;
  /** What lies on this machine, of the whole address. */
  files?(url: string): OwnFiles;
  /** A caution for `check`: what it was never run against. */
  note?: string;
  /** What may be missing: that Patchbay does not bring, or that is native code of another platform. */
  packages?: string[];
  /** Why no column may have this name there, though it is in quotes: `is a system column of PostgreSQL`. Undefined: it may. */
  reserved?(column: string): string | undefined;
  open(settings: EngineSettings, options: { timeoutMs: number }): Promise<Store>;
}

const untried = (service: string) =>
  `experimental: written from ${service}'s documentation and tested on a stand-in, never yet run against the real service. Try it on a table of its own first`;

const DUCKDB = ["@duckdb/node-api"];

/** Each in a file of its own, loaded when it is used: a process that writes to one need not carry the others. */
const ENGINES: readonly Engine[] = [
  {
    title: "DuckDB",
    // `:memory:` keeps nothing; `md:` is another service.
    url: /^duckdb:(?!:memory:|md:).+$/s,
    takes: [],
    packages: DUCKDB,
    files: (url) => {
      const path = url.slice("duckdb:".length);
      return { kind: "file", path, copy: async (options) => (await import("./duckdb/copy.ts")).copyDuckDbFile({ path, ...options }) };
    },
    open: async (settings) => (await import("./duckdb/store.ts")).openDuckDbStore(settings),
  },
  {
    title: "Parquet files",
    url: /^parquet:(?!s3:|https?:).+$/s,
    takes: [],
    packages: DUCKDB,
    files: (url) => ({ kind: "folder", path: url.slice("parquet:".length) }),
    open: async (settings) => (await import("./parquet/store.ts")).openParquetStore(settings),
  },
  {
    title: "PostgreSQL",
    url: /^postgres(ql)?:\/\/.+$/s,
    takes: ["schema"],
    keepsDeleted: "PostgreSQL keeps the bytes of a deleted row in the table's pages until VACUUM FULL, and in its WAL and backups",
    reserved: inPostgres,
    open: async ({ schema, ...settings }, { timeoutMs }) =>
      (await import("./postgres/store.ts")).openPostgresStore({ ...settings, schema, timeoutMs }),
  },
  {
    title: "ClickHouse",
    url: /^clickhouses?:\/\/[^/]+\/[^/?]+$/s,
    takes: [],
    keepsDeleted: "ClickHouse keeps the bytes of a deleted row until the next merge, or until OPTIMIZE TABLE … FINAL",
    reserved: inClickHouse,
    open: async (settings, { timeoutMs }) => (await import("./clickhouse/store.ts")).openClickHouseStore({ ...settings, timeoutMs }),
  },
  {
    title: "BigQuery",
    url: /^bigquery:\/\/[\w.:-]+\/\w+$/s,
    takes: ["credentials", "location", "base_url", "linger"],
    keepsDeleted: "BigQuery keeps a deleted row for the dataset's time travel (2 to 7 days), and 7 days more for its own recovery",
    note: untried("BigQuery"),
    packages: ["@google-cloud/bigquery"],
    reserved: inBigQuery,
    open: async (settings, { timeoutMs }) => (await import("./bigquery/store.ts")).openBigQueryStore({ ...settings, timeoutMs }),
  },
  {
    title: "Snowflake",
    url: /^snowflake:\/\/[\w.-]+\/[^/?]+\/[^/?]+(\?.*)?$/s,
    takes: ["username", "private_key", "base_url", "linger"],
    needs: ["username", "private_key"],
    keepsDeleted: "Snowflake keeps a deleted row for the table's Time Travel (1 day if nothing else is set), and 7 days more in Fail-safe",
    note: untried("Snowflake"),
    reserved: inSnowflake,
    open: async (settings, { timeoutMs }) => (await import("./snowflake/store.ts")).openSnowflakeStore({ ...settings, timeoutMs }),
  },
];

/** Undefined when no engine takes the address. */
export function engineOf(url: string): Engine | undefined {
  return ENGINES.find((engine) => engine.url.test(url));
}

/** Names of the engines that know a setting: `BigQuery and Snowflake`. */
export function enginesWith(setting: OwnSetting): string {
  return ENGINES.filter(({ takes }) => takes.includes(setting))
    .map(({ title }) => title)
    .join(" and ");
}
