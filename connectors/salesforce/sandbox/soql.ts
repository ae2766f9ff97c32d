import { refusal } from "./answers.ts";
import { conditionOf, type Row } from "./soql-where.ts";

export interface Table {
  columns: string[];
  rows: readonly Row[];
  /** Child relationships by their name: the rows of `table` whose `by` is the row's Id. */
  children?: Record<string, { table: string; by: string }>;
}
export type Tables = Record<string, Table>;

const QUERY =
  /^SELECT (?<fields>[\w, ]+?(?:, \((?<inner>SELECT .+?)\))?) FROM (?<table>\w+)(?: WHERE (?<where>.+?))?(?: ORDER BY (?<order>\w+)(?<down> DESC)?)?(?: LIMIT (?<limit>\d+))?$/;
/** Records in one answer; the rest is behind `nextRecordsUrl` (REST API Developer Guide, "Query"). */
const PAGE = 2_000;

/** Answers a query, and what it left for later pages: Salesforce keeps that for some days. */
export function createQueries() {
  const cursors = new Map<string, Row[]>();

  function page(rows: Row[], from: number, locator: string, path: string): Response {
    const records = rows.slice(from, from + PAGE);
    const isLast = from + PAGE >= rows.length;
    const next = isLast ? {} : { nextRecordsUrl: `${path}/${locator}-${from + PAGE}` };
    return Response.json({ totalSize: rows.length, done: isLast, ...next, records });
  }

  return {
    /** `path`: of the resource, as later pages name it. */
    first(options: { soql: string; tables: Tables; path: string }): Response {
      const found = select(options);
      if (found instanceof Response) return found;
      const locator = `01gPb${String(cursors.size + 1).padStart(10, "0")}AAA`;
      if (found.length > PAGE) cursors.set(locator, found);
      return page(found, 0, locator, options.path);
    },
    next(options: { cursor: string; path: string }): Response {
      const [, locator = "", from = ""] = /^(\w+)-(\d+)$/.exec(options.cursor) ?? [];
      const rows = cursors.get(locator);
      return rows ? page(rows, Number(from), locator, options.path) : refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
    },
  };
}

/**
 * SOQL, of which it understands what we send: fields of one object, of its children in one inner query, conditions, an order, a limit. A text
 * compares without regard to case, as Salesforce does it. `columns` are what each object has.
 */
export function select(options: { soql: string; tables: Tables }): Row[] | Response {
  const { soql, tables } = options;
  const malformed = (why: string) => refusal(400, "MALFORMED_QUERY", why);
  const parts = QUERY.exec(soql)?.groups;
  if (!parts) return malformed("unexpected token");
  const { table: name = "", where = "", order, down, limit, inner } = parts;
  const table = tables[name];
  if (!table) return refusal(400, "INVALID_TYPE", `sObject type '${name}' is not supported.`);
  const fields = (parts.fields ?? "")
    .replace(/, \(.*\)$/, "")
    .split(",")
    .map((field) => field.trim());
  const condition = conditionOf(where);
  if (!condition) return malformed("unexpected token in WHERE");
  const named = [...fields, ...condition.fields, ...(order ? [order] : [])];
  const unknown = named.find((field) => !table.columns.includes(field));
  if (unknown !== undefined) return refusal(400, "INVALID_FIELD", `No such column '${unknown}' on entity '${name}'.`);

  const hits = table.rows.filter((row) => condition.holds(row));
  if (order) hits.sort((a, b) => comparable(a[order]).localeCompare(comparable(b[order])) * (down ? -1 : 1));
  const rows = hits.slice(0, limit === undefined ? undefined : Number(limit)).map((row) => ({
    attributes: { type: name },
    ...Object.fromEntries(fields.map((field) => [field, row[field] ?? null])),
  }));
  if (inner === undefined) return rows;
  const withChildren: Row[] = [];
  for (const row of rows) {
    const children = childrenOf(row);
    if (children instanceof Response) return children;
    withChildren.push({ ...row, ...children });
  }
  return withChildren;

  function childrenOf(row: Row): Row | Response {
    const [, relationship = ""] = / FROM (\w+)/.exec(inner ?? "") ?? [];
    const child = table?.children?.[relationship];
    if (!child) return refusal(400, "INVALID_TYPE", `Didn't understand relationship '${relationship}' in FROM part of query call.`);
    const of = tables[child.table] as Table;
    const only = { ...of, rows: of.rows.filter((one) => one[child.by] === row.Id) };
    const found = select({ soql: (inner ?? "").replace(` FROM ${relationship}`, ` FROM ${child.table}`), tables: { [child.table]: only } });
    if (found instanceof Response) return found;
    return { [relationship]: found.length === 0 ? null : { totalSize: found.length, done: true, records: found } };
  }
}

function comparable(value: unknown): string {
  return String(value ?? "").toLowerCase();
}
