import { z } from "zod";
import { type Problem, UsageError } from "../../errors.ts";
import { findingsOf } from "../diagnose/issues.ts";
import { createProblems } from "../diagnose/problems.ts";
import { readDocument } from "./document.ts";
import { readRoutesFile } from "./read-file.ts";
import { fileSchema } from "./schema.ts";
import { maskSecrets } from "./secrets.ts";
import { loadSources, type Source } from "./sources.ts";
import type { Environment } from "./variables.ts";

/** Only what the ingress reads; the rest of the file is other processes' concern. */
const ingressSchema = z.looseObject({ version: fileSchema.shape.version, sources: fileSchema.shape.sources });

/**
 * The sources of routes.yaml, for the ingress: it needs nothing else, so a mistake in a route does not take the endpoint down, and
 * neither connectors nor CEL nor templates are loaded (30 MB).
 * @throws {RoutesFileError} with every mistake in `sources`, {UsageError} when there is no such file.
 */
export function loadIngressSources(options: {
  path: string;
  text?: string;
  env: Environment;
  /** What is worth a look, and no reason to stop: a source that takes unsigned calls, a weak secret. */
  onWarnings?(warnings: Problem[]): void;
}): Source[] {
  const { path, env, onWarnings } = options;
  const text = (options.text ?? readRoutesFile(path)).replace(/^\uFEFF/, "");
  const problems = createProblems(path);
  const document = readDocument({ text, problems });
  const shown = maskSecrets({ text, document, connectors: {} });
  problems.throwIfAny(shown);
  const { value } = document;
  if (value === null || value === undefined) {
    throw new UsageError(`${path} is empty`, { hint: "Begin with version: 1 and sources: docs/routes.md shows them." });
  }
  const parsed = ingressSchema.safeParse(value);
  if (!parsed.success) {
    for (const one of findingsOf({ issues: parsed.error.issues, base: [], schema: ingressSchema, document, value })) problems.add(one);
  }
  const sources = loadSources({ sources: parsed.data?.sources ?? {}, document, env, resolve: parsed.success, problems });
  problems.throwIfAny(shown);
  onWarnings?.(problems.warnings());
  return sources;
}
