import type { z } from "zod";
import type { Path } from "./document.ts";

/** Field names that a schema knows at a path. */
export function fieldsAt(schema: z.ZodType, path: Path): string[] {
  return [...new Set(schemasAt(schema, path).flatMap((one) => Object.keys(defOf(one).shape ?? {})))];
}

/** What a schema at a path says of itself, as a sentence. */
export function describedAt(schema: z.ZodType, path: Path): string | undefined {
  const text = schemasAt(schema, path, false)
    .map((one) => one.description)
    .find((one) => one !== undefined);
  return text === undefined ? undefined : /[.?!]$/.test(text) ? text : `${text}.`;
}

/** The parts of zod's definitions that lead from a schema to those inside it. */
interface Def {
  type: string;
  innerType?: z.ZodType;
  in?: z.ZodType;
  options?: z.ZodType[];
  shape?: Record<string, z.ZodType>;
  element?: z.ZodType;
  valueType?: z.ZodType;
}

function defOf(schema: z.ZodType): Def {
  return schema.def as unknown as Def;
}

/** The schemas at a path: several where a union leaves it open. */
export function schemasAt(schema: z.ZodType, path: Path, unwrapLast = true): z.ZodType[] {
  if (path.length === 0 && !unwrapLast) return [schema];
  const def = defOf(schema);
  if (def.innerType) return schemasAt(def.innerType, path, unwrapLast);
  if (def.type === "pipe" && def.in) return schemasAt(def.in, path, unwrapLast);
  if (def.options) return def.options.flatMap((option) => schemasAt(option, path, unwrapLast));
  const [part, ...rest] = path;
  if (part === undefined) return [schema];
  const next = def.shape ? def.shape[String(part)] : (def.element ?? def.valueType);
  return next ? schemasAt(next, rest, unwrapLast) : [];
}
