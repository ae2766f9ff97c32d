import { refusal } from "./answers.ts";

export type Row = Record<string, unknown>;

const QUERY =
  /^SELECT (?<fields>[\w, ]+?) FROM (?<table>\w+)(?: WHERE (?<where>.+?))?(?: ORDER BY (?<order>\w+)(?<down> DESC)?)?(?: LIMIT (?<limit>\d+))?$/;
const CONDITION = /^(\w+) (?:= (true|false|'(?:[^'\\]|\\.)*')|IN \(((?:'(?:[^'\\]|\\.)*',?)+)\))$/;

/**
 * SOQL, of which it understands what we send: fields of one object, conditions joined by AND, an order, a limit. A text compares without regard
 * to case, as Salesforce does it. `columns` are what each object has.
 */
export function answerQuery(options: { soql: string; tables: Record<string, { columns: string[]; rows: readonly Row[] }> }): Response {
  const { soql, tables } = options;
  const malformed = (why: string) => refusal(400, "MALFORMED_QUERY", why);
  const parts = QUERY.exec(soql)?.groups;
  if (!parts) return malformed("unexpected token");
  const table = tables[parts.table ?? ""];
  if (!table) return refusal(400, "INVALID_TYPE", `sObject type '${parts.table}' is not supported.`);
  const fields = (parts.fields ?? "").split(",").map((field) => field.trim());
  const conditions = conditionsOf(parts.where ?? "");
  if (!conditions) return malformed("unexpected token in WHERE");
  const named = [...fields, ...conditions.map(({ field }) => field), ...(parts.order ? [parts.order] : [])];
  const unknown = named.find((field) => !table.columns.includes(field));
  if (unknown !== undefined) return refusal(400, "INVALID_FIELD", `No such column '${unknown}' on entity '${parts.table}'.`);

  const hits = table.rows.filter((row) => conditions.every(({ field, values }) => values.includes(comparable(row[field]))));
  const { order, down } = parts;
  if (order) hits.sort((a, b) => comparable(a[order]).localeCompare(comparable(b[order])) * (down ? -1 : 1));
  const records = hits.slice(0, Number(parts.limit ?? 2_000)).map((row) => ({
    attributes: { type: parts.table },
    ...Object.fromEntries(fields.map((field) => [field, row[field] ?? null])),
  }));
  return Response.json({ totalSize: records.length, done: true, records });
}

function comparable(value: unknown): string {
  return String(value ?? "").toLowerCase();
}

/** Undefined: it cannot be read. The one place that may hold " AND " is a text, where it does not split. */
function conditionsOf(where: string): { field: string; values: string[] }[] | undefined {
  if (where === "") return [];
  const parts = where.match(/(?:'(?:[^'\\]|\\.)*'|(?! AND ).)+/g) ?? [];
  const conditions = parts.map((part) => {
    const [, field, single, list] = CONDITION.exec(part.replace(/^ ?AND /, "").trim()) ?? [];
    if (!field) return undefined;
    const texts = single === undefined ? ((list ?? "").match(/'(?:[^'\\]|\\.)*'/g) ?? []) : [single];
    return { field, values: texts.map((text) => comparable(text.replace(/^'|'$/g, "").replace(/\\(.)/g, "$1"))) };
  });
  return conditions.every((condition) => condition !== undefined) ? conditions : undefined;
}
