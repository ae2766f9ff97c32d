import { TABLES } from "./schema.ts";

const NAMED = new RegExp(String.raw`\b(FROM|JOIN|INTO|UPDATE)(\s+)(${TABLES.join("|")})\b`, "g");
/** Statements are few; those with as many parameters as a batch has keys are some hundreds more. */
const MAX_KEPT = 1_000;

/**
 * A function that names a statement's tables as `"schema".deliveries`. A `search_path` would be the session's, which a pooler refuses, or
 * gives to somebody else after the statement: then tables of the same name elsewhere would be ours.
 */
export function createQualify(schema: string): (text: string) => string {
  const kept = new Map<string, string>();
  return (text) => {
    const known = kept.get(text);
    if (known !== undefined) return known;
    const qualified = text.replace(NAMED, (_, verb, space, table) => `${verb}${space}"${schema}".${table}`);
    if (kept.size < MAX_KEPT) kept.set(text, qualified);
    return qualified;
  };
}
