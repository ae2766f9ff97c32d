import { TABLES } from "./schema.ts";

const NAMED = new RegExp(String.raw`\b(FROM|JOIN|INTO|UPDATE)(\s+)(${TABLES.join("|")})\b`, "g");
/** Statements are few; those with as many parameters as a batch has keys are some hundreds more. */
const MAX_KEPT = 1_000;

/**
 * A function that names a statement's tables as `"schema".deliveries`. A `search_path` belongs to the session, which a pooler refuses, or gives
 * to another client after the statement: our statements would then meet tables of the same name in another schema.
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
