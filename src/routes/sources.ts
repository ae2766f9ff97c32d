import { Secret } from "../lib/secret.ts";
import type { RoutesDocument } from "./document.ts";
import type { Problems } from "./problems.ts";
import type { RoutesFile } from "./schema.ts";
import { type Environment, hasVariables, resolveVariables } from "./variables.ts";

/** A VoiceInfra workspace as the ingress needs it. */
export interface Source {
  name: string;
  /** `/webhooks/<name>` */
  path: string;
  /** Any of them may have signed. Empty where the process has no need for them, and for a source that takes unsigned calls. */
  secrets: Secret[];
  allowUnsigned: boolean;
}

export function loadSources(options: {
  sources: RoutesFile["sources"];
  document: RoutesDocument;
  env: Environment;
  resolve: boolean;
  problems: Problems;
}): Source[] {
  const { document, env, resolve, problems } = options;
  const names = Object.keys(options.sources);
  if (names.length === 0 && problems.errors().length === 0)
    problems.add({ at: document.atKey(["sources"]), message: "there is no source: no call could come in", hint: SOURCE_HINT });

  return Object.entries(options.sources).map(([name, entry]) => {
    const base = ["sources", name];
    const allowUnsigned = entry.allow_unsigned ?? false;
    const texts = entry.secrets ?? [];
    if (texts.length === 0 && !allowUnsigned) {
      problems.add({
        at: document.atKey(base),
        message: `the source "${name}" has no secrets`,
        hint: `Give it the webhook's secret: ${SECRETS_HINT}. Without one anybody could send calls; if you want that, write allow_unsigned: true.`,
      });
    }
    for (const [index, text] of texts.entries()) {
      const at = document.at([...base, "secrets", index]);
      if (text === "")
        problems.add({ at, message: "an empty secret protects nothing", hint: `Give the webhook's secret: ${SECRETS_HINT}.` });
      else if (!hasVariables(text)) problems.warn({ at, message: "a secret is written out in the file", hint: LITERAL_HINT });
    }
    const resolved = resolveVariables({ value: texts, base: [...base, "secrets"], document, env, resolve, isSecret: () => true });
    for (const finding of resolved.findings) problems.add(finding);
    const secrets = resolve && resolved.open.length === 0 ? (resolved.value as string[]).map((text) => new Secret(text)) : [];
    return { name, path: `/webhooks/${name}`, secrets, allowUnsigned };
  });
}

const SECRETS_HINT = 'secrets: ["${VOICEINFRA_WEBHOOK_SECRET}"]';
const SOURCE_HINT = `Add one: voiceinfra: { ${SECRETS_HINT} }.`;
export const LITERAL_HINT = "Files are copied and committed. Use a variable, ${NAME}, or ${file:/path}.";
