import { OpenError } from "../../src/connector/index.ts";
import { type Column, type ColumnKind, KEY } from "./columns.ts";

/** A column as the database describes it. */
export interface ExistingColumn {
  name: string;
  /** In the engine's words, small letters, without length: `character varying`. */
  type: string;
  /** NOT NULL and without a default: a row that does not fill it is refused. */
  mustBeFilled: boolean;
}

export interface ExistingTable {
  columns: ExistingColumn[];
  /** Whether a primary key or a unique constraint stands on the key column alone. */
  keyIsUnique: boolean;
}

/** Which types of an engine hold a kind of value without loss; the first is the one that we create. */
export type TypesOf = Record<ColumnKind, readonly [string, ...string[]]>;

/**
 * What has to be added to a table that exists so that it has our columns.
 * @throws {OpenError} when adding is not enough; the message names the column and what to do. Nothing is changed then.
 */
export function missingColumns(options: {
  table: string;
  existing: ExistingTable;
  wanted: readonly Column[];
  types: TypesOf;
  /** What a table whose key is not unique lacks, and the fix where it is no constraint. */
  uniqueKey?: { lacks: string; fix: string };
}): Column[] {
  const { table, existing, wanted, types } = options;
  const { lacks, fix } = options.uniqueKey ?? {
    lacks: `${table}.${KEY} has no unique constraint`,
    fix: `Run: ALTER TABLE ${table} ADD PRIMARY KEY (${KEY})`,
  };
  const byName = new Map(existing.columns.map((column) => [column.name, column]));

  if (!byName.has(KEY) || !existing.keyIsUnique) {
    throw unusable({
      code: byName.has(KEY) ? "key_not_unique" : "foreign_table",
      reason: byName.has(KEY) ? lacks : `the table ${table} exists and was not made by Patchbay (no ${KEY})`,
      fix: byName.has(KEY) ? fix : "Name another one with `table`, or give this one a column delivery_key with a primary key",
    });
  }
  for (const { name, kind } of wanted) {
    const column = byName.get(name);
    if (!column || types[kind].includes(column.type)) continue;
    throw unusable({
      code: "column_type",
      reason: `${table}.${name} is ${column.type}, which cannot hold a ${kind}`,
      fix: `Change it to ${types[kind][0]}, rename it, or name another table with \`table\``,
    });
  }
  const wantedNames = new Set(wanted.map(({ name }) => name));
  const unfillable = existing.columns.find((column) => column.mustBeFilled && !wantedNames.has(column.name) && column.name !== KEY);
  if (unfillable) {
    throw unusable({
      code: "column_not_null",
      reason: `${table}.${unfillable.name} must not be null, has no default, and nothing fills it`,
      fix: "Give it a default, or fill it with the route's `columns`",
    });
  }
  return wanted.filter(({ name }) => !byName.has(name));
}

function unusable(options: { code: string; reason: string; fix: string }): OpenError {
  return new OpenError({ kind: "needs-fix", ...options });
}
