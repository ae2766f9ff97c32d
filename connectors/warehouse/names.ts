/** Rules for names that routes.yaml may give to tables and columns. */
import { z } from "../../src/connector/index.ts";
import { IDENTIFIER, OWN_NAMES, TABLE_COLUMNS } from "./columns.ts";

const IDENTIFIER_RULE = "must begin with a small letter or _, then a-z, 0-9 and _, at most 63";
const OURS = new Set(TABLE_COLUMNS.map(({ name }) => name));

export const identifier = z.string().regex(IDENTIFIER, IDENTIFIER_RULE);
export const tableName = identifier.refine(
  (name) => !OWN_NAMES.includes(name),
  "is a name that Patchbay's own statements use: choose another name",
);
export const columnName = tableName.refine((name) => !OURS.has(name), "is a column that the table has anyway: choose another name");
