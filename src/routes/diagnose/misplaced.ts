import type { RoutesDocument } from "../file/document.ts";
import { fileSchema } from "../file/schema.ts";
import type { Finding } from "./problems.ts";

const TOP = Object.keys(fileSchema.shape);

/**
 * A field of the whole file that stands inside of another one, or an entry that stands beside the group it belongs to: one line too far in or out,
 * which YAML reads without complaint. All else that is wrong with the file's form follows from it.
 */
export function misplacedFields(document: RoutesDocument): Finding[] {
  const { value } = document;
  if (!isGroup(value)) return [];
  const inside = Object.entries(value).flatMap(([group, entries]) =>
    Object.keys(isGroup(entries) ? entries : {})
      .filter((key) => TOP.includes(key) && !(key in value))
      .map((key) => ({
        at: document.atKey([group, key]),
        message: `"${key}" is indented: it stands inside "${group}"`,
        hint: "A field of the whole file begins in column 1.",
      })),
  );
  const keys = Object.keys(value);
  const outside = keys.flatMap((key, index) => {
    const next = keys[index + 1];
    if (value[key] !== null || next === undefined || TOP.includes(next) || !TOP.includes(key)) return [];
    const hint = "Indent it by two spaces, with all that belongs to it.";
    return [{ at: document.atKey([next]), message: `"${next}" is not indented: it seems to belong to "${key}"`, hint }];
  });
  return [...inside, ...outside];
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
