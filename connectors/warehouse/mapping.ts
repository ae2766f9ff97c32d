import { type SentField, z } from "../../src/connector/index.ts";
import { CALL_COLUMNS, DELIVERED_AT, UPDATED_AT } from "./columns.ts";
import { engineOf } from "./engines/index.ts";
import { columnName } from "./names.ts";

/** A route's `with`. */
export const warehouseWith = z.strictObject({
  columns: z
    .record(columnName, z.string())
    .optional()
    .describe('More text columns and their values: { campaign: "{{ metadata.campaign }}" }. A value that is empty blanks nothing'),
});

export type WarehouseWith = z.output<typeof warehouseWith>;

export const SENT_FIELDS: readonly SentField[] = [
  ...CALL_COLUMNS.map(({ name, what }) => ({ field: name, what })),
  { field: DELIVERED_AT, what: "when the row first came, by the database's clock" },
  { field: UPDATED_AT, what: "when the row was last written, by the database's clock" },
];

/** Columns that the schema takes and this destination's database does not: it has them itself. */
export function refusedColumns(options: {
  with: Record<string, unknown>;
  written: Record<string, unknown>;
}): { path: string[]; message: string }[] {
  const { columns } = options.with;
  const { url } = options.written;
  const engine = typeof url === "string" ? engineOf(url) : undefined;
  const names = typeof columns === "object" && columns !== null ? Object.keys(columns) : [];
  return names.flatMap((name) => {
    const why = engine?.reserved?.(name);
    return why === undefined ? [] : [{ path: ["columns", name], message: `the name "${name}" ${why}: choose another name` }];
  });
}
