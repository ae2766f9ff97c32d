import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

/** A database that does the work behind a stand-in: what it is asked has been checked and put into its words before. */
export interface Scratch {
  run(sql: string, parameters?: string[]): Promise<{ rows: Record<string, unknown>[]; changed: number }>;
  columns(table: string): Promise<{ name: string; type: string; mustBeFilled: boolean; fallback: string | null }[]>;
  close(): void;
}

export async function openScratch(): Promise<Scratch> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1", enable_external_access: "false" });
  const connection: DuckDBConnection = await instance.connect();
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: the vendors serialise what changes a table. */
  function run(sql: string, parameters: string[] = []): Promise<{ rows: Record<string, unknown>[]; changed: number }> {
    const turn = last.then(async () => {
      const result = await connection.runAndReadAll(sql, parameters);
      return { rows: result.getRowObjectsJson(), changed: result.rowsChanged };
    });
    last = turn.catch(() => undefined);
    return turn;
  }

  return {
    run,
    async columns(table) {
      const { rows } = await run(
        "SELECT column_name AS name, data_type AS type, is_nullable = 'NO' AS required, column_default AS fallback FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position",
        [table],
      );
      return rows.map(({ name, type, required, fallback }) => ({
        name: String(name),
        type: String(type),
        mustBeFilled: required === true,
        fallback: fallback === null ? null : String(fallback),
      }));
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
