import { describe, expect, test } from "vitest";
import { type Column, type ColumnKind, TABLE_COLUMNS } from "../../connectors/warehouse/columns.ts";
import { addColumnsSql, createTableSql, deleteSql, mergeSql, selectSql } from "../../connectors/warehouse/engines/bigquery/sql.ts";
import { errorsOf, type Statement } from "./support/googlesql.ts";
import { outside } from "./support/outside.ts";

const { folder, skipped, note } = outside("googlesql");

const TARGET = "project.dataset.voice_calls";
const TYPES: Record<ColumnKind, string> = { text: "STRING", time: "TIMESTAMP", number: "DOUBLE", integer: "INT64", json: "JSON" };
/** Names that mean something to SQL, or to us: aliases that we use, key words, functions, types. */
const NAMES = [
  ...["t", "s", "i", "r", "x", "rows", "row", "line", "key", "value", "source_", "target", "item", "excluded"],
  ...["select", "from", "where", "merge", "group", "order", "limit", "timestamp", "json", "string", "current_timestamp", "coalesce"],
  ...["a", "_a", "a1", "UPPER", "ünïcode", "call_id_", "x".repeat(300)],
];

const statement = (sql: string, columns: readonly Column[], parameters: string[] = []): Statement => ({
  sql,
  parameters,
  table: TARGET,
  columns: columns.map(({ name, kind }) => ({ name, type: TYPES[kind] })),
});

describe(`every BigQuery statement is one to Google's own analyzer${note}`, () => {
  test.skipIf(skipped)("with the columns of a call, and with each of many odd ones beside them", async () => {
    const kinds: ColumnKind[] = ["text", "json", "time", "number"];
    const sets = [[], ...NAMES.map((name, index) => [{ name, kind: kinds[index % kinds.length] ?? "text" } satisfies Column])];
    const cases = sets.flatMap((own) => {
      const columns = [...TABLE_COLUMNS, ...own];
      const named = own.map(({ name }) => name).join() || "none";
      return [
        { what: `MERGE, ${named}`, statement: statement(mergeSql(TARGET, columns), columns, ["rows"]) },
        { what: `SELECT, ${named}`, statement: statement(selectSql(TARGET), columns, ["key"]) },
        { what: `DELETE, ${named}`, statement: statement(deleteSql(TARGET), columns, ["key"]) },
        { what: `CREATE, ${named}`, statement: statement(createTableSql(TARGET, columns), []) },
        ...(own.length > 0 ? [{ what: `ALTER, ${named}`, statement: statement(addColumnsSql(TARGET, own), TABLE_COLUMNS) }] : []),
      ];
    });
    const errors = await errorsOf(
      folder,
      cases.map((one) => one.statement),
    );
    expect(cases.flatMap(({ what }, index) => (errors[index] === undefined ? [] : [`${what}: ${errors[index]}`]))).toEqual([]);
  });

  test.skipIf(skipped)("the analyzer sees what BigQuery refuses: an alias that hides a column of its name", async () => {
    const columns: Column[] = [{ name: "t", kind: "text" }];
    const bad = `MERGE INTO \`${TARGET}\` AS t USING (SELECT 'x' AS t) AS s ON t.t = s.t WHEN MATCHED THEN UPDATE SET \`t\` = s.t`;
    const [error] = await errorsOf(folder, [statement(bad, columns)]);
    expect(error).toContain("does not support updating the entire row");
  });
});
