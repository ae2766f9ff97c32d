import type { ClickHouseClient } from "@clickhouse/client";
import { type Secret, splitOnRefusal } from "../../../../src/connector/index.ts";
import { type Column, DELIVERED_AT, KEY, quoted, TABLE_COLUMNS, UPDATED_AT } from "../../columns.ts";
import { asOpenError } from "../../open-error.ts";
import { proveWritten } from "../../proof.ts";
import { type Row, withinYears } from "../../record.ts";
import type { RowResult, Store } from "../../store.ts";
import { outcomeOfClickHouse, refusalOfClickHouse } from "./errors.ts";
import { makeClickHouseTable, VERSION } from "./table.ts";

type Line = Record<string, unknown>;

/** DateTime64 keeps these years and silently bends every other into them (ClickHouse docs, "DateTime64"). */
const YEARS = { from: 1900, to: 2299 };

/**
 * A table in ClickHouse, ReplacingMergeTree by the key: the row with the greatest `_version` wins, and the others go at a merge.
 * A row replaces the whole of the one before, so that what an update lacks is read back and written again: read, merge, insert. Two attempts
 * at one delivery never run at once (its claim), which is what makes that safe.
 */
export async function openClickHouseStore(options: { url: Secret; table: string; timeoutMs: number }): Promise<Store> {
  const { url, table, timeoutMs } = options;
  const { createClient, ClickHouseLogLevel } = await import("@clickhouse/client");
  const client = createClient({
    ...addressOf(url.reveal()),
    request_timeout: timeoutMs,
    application: "patchbay-warehouse",
    // It would print the server's messages, which may quote values.
    log: { level: ClickHouseLogLevel.OFF },
  });

  async function prepare(columns: readonly Column[]): Promise<void> {
    await asOutcomes(() => makeClickHouseTable({ client, table, columns }));
  }

  async function write(rows: Row[], columns: readonly Column[], signal: AbortSignal): Promise<RowResult[]> {
    const { names, now } = await makeClickHouseTable({ client, table, columns, signal });
    const keys = rows.map(({ key }) => key);
    const before = new Map((await readLines({ client, table, names, keys, signal })).map((line) => [line[KEY], line]));
    const lines = new Map(rows.map((row) => [row, lineOf({ row, before: before.get(row.key), now })]));
    return splitOnRefusal<Row, RowResult>({
      items: rows,
      write: async (part) => {
        const { summary } = await client.insert({
          table: quoted(table),
          values: part.map((row) => lines.get(row)),
          format: "JSONEachRow",
          abort_signal: signal,
          clickhouse_settings: { date_time_input_format: "best_effort", async_insert: 0 },
        });
        // Rows of materialised views count too. Without a number, which a proxy may have taken, the table is asked.
        if (Number(summary?.written_rows ?? 0) >= part.length) return part.map(() => "written");
        const sent = new Map(part.map((row) => [row.key, versionOf(lines.get(row))]));
        const there = await readLines({ client, table, names: [KEY, VERSION], keys: [...sent.keys()], signal });
        const written = there.filter((line) => versionOf(line) >= (sent.get(String(line[KEY])) ?? 0n)).length;
        return proveWritten({ title: "ClickHouse", sent: part.length, written });
      },
      refusalOf: refusalOfClickHouse,
      signal,
    });
  }

  return {
    table,
    prepare,
    upsert: async (rows, columns, { signal }) => {
      const fit = rows.filter((row) => withinYears(row, columns, YEARS));
      const written = await asOutcomes(() => (fit.length > 0 ? write(fit, columns, signal) : Promise.resolve([])), signal);
      const results = new Map(fit.map((row, index) => [row, written[index] as RowResult]));
      return rows.map(
        (row) =>
          results.get(row) ?? { kind: "rejected", code: "out_of_range", reason: "a time does not fit: ClickHouse keeps 1900 to 2299" },
      );
    },
    erase: (key, { signal }) =>
      asOutcomes(async () => {
        const there = await readLines({ client, table, names: [KEY], keys: [key], signal });
        await client.command({
          query: `DELETE FROM ${quoted(table)} WHERE ${quoted(KEY)} = {key:String}`,
          query_params: { key },
          abort_signal: signal,
        });
        const left = await readLines({ client, table, names: [KEY], keys: [key], signal });
        if (left.length > 0) throw new Error("ClickHouse has answered that the row is deleted, and it is still there");
        return there.length > 0;
      }, signal),
    read: (key, { signal }) =>
      asOutcomes(async () => {
        const [line] = await readLines({ client, table, names: TABLE_COLUMNS.map(({ name }) => name), keys: [key], signal });
        return line as Record<string, unknown> | undefined;
      }, signal),
    close: () => client.close(),
  };
}

/** The driver takes user, password and database beside the address. Without a port it is the one that ClickHouse listens on, not the web's. */
function addressOf(url: string): { url: string; username?: string; password?: string; database: string } {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const text = decodeURIComponent;
  const [scheme, usualPort] = protocol === "clickhouses:" ? ["https", "8443"] : ["http", "8123"];
  return {
    url: `${scheme}://${hostname}:${port || usualPort}`,
    ...(username && { username: text(username) }),
    ...(password && { password: text(password) }),
    database: text(pathname.slice(1)),
  };
}

/**
 * The rows that are there, every column of them, also those that others have added. Numbers that JavaScript would round come as texts,
 * and ClickHouse reads them so. A replica that has not got the last insert yet would make us blank what that one said.
 */
async function readLines(options: {
  client: ClickHouseClient;
  table: string;
  names: string[];
  keys: string[];
  signal: AbortSignal;
}): Promise<Line[]> {
  const { client, table, names, keys, signal } = options;
  const result = await client.query({
    query: `SELECT ${names.map(quoted).join(", ")} FROM ${quoted(table)} FINAL WHERE ${quoted(KEY)} IN {keys:Array(String)}`,
    query_params: { keys },
    format: "JSONEachRow",
    abort_signal: signal,
    // The keys of a full batch are too long for an address.
    use_multipart_params_auto: true,
    clickhouse_settings: {
      select_sequential_consistency: "1",
      output_format_json_quote_64bit_integers: 1,
      output_format_json_quote_decimals: 1,
      date_time_output_format: "simple",
    },
  });
  return result.json<Line>();
}

/** Cells that say something over those that are there; the version is above the one before, whatever the clock says. */
function lineOf({ row, before, now }: { row: Row; before: Line | undefined; now: { text: string; microseconds: bigint } }): Line {
  const said = Object.fromEntries([...row.cells].filter(([, cell]) => cell !== null));
  const last = versionOf(before);
  const version = now.microseconds > last ? now.microseconds : last + 1n;
  return { ...before, ...said, [DELIVERED_AT]: before?.[DELIVERED_AT] ?? now.text, [UPDATED_AT]: now.text, [VERSION]: String(version) };
}

function versionOf(line: Line | undefined): bigint {
  return line && /^\d+$/.test(String(line[VERSION])) ? BigInt(String(line[VERSION])) : 0n;
}

async function asOutcomes<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await run();
  } catch (error) {
    signal?.throwIfAborted();
    throw asOpenError(error, outcomeOfClickHouse);
  }
}
