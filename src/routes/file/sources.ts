import { Secret } from "../../lib/secret.ts";
import type { Position, Problems } from "../diagnose/problems.ts";
import { checkUnsigned, unsignedUntilMs } from "../diagnose/unsigned.ts";
import type { Path, RoutesDocument } from "./document.ts";
import type { RoutesFile } from "./schema.ts";
import { WRONG_SOURCE } from "./validate.ts";
import { hasVariables } from "./variable-syntax.ts";
import { type Environment, resolveVariables } from "./variables.ts";
import { isShort } from "./weak-secrets.ts";

/** A VoiceInfra workspace as the ingress needs it. */
export interface Source {
  name: string;
  /** `/webhooks/<name>` */
  path: string;
  /** Any of them may have signed. Empty where the process has no need for them, and for a source that takes unsigned calls. */
  secrets: Secret[];
  /** Now: asked again for each delivery, since it may end on a day. */
  readonly allowUnsigned: boolean;
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
  const seen = new Map<string, Position>();

  return Object.entries(options.sources).map(([name, entry]) => {
    const base = ["sources", name];
    if (entry === WRONG_SOURCE) return { name, path: `/webhooks/${name}`, secrets: [], allowUnsigned: false };
    const texts = entry.secrets ?? [];
    const untilMs = unsignedUntilMs(entry.allow_unsigned);
    checkUnsigned({ name, base, untilMs, hasSecrets: texts.length > 0, document, problems });
    if (texts.length === 0 && untilMs === 0) {
      problems.add({
        at: document.atKey(base),
        message: `the source "${name}" has no secrets`,
        hint: `Give it the webhook's secret: ${SECRETS_HINT}. Without one anybody could send calls; if you want that, write allow_unsigned: true.`,
      });
    }
    checkWritten({ texts, base, document, problems });
    const resolved = resolveVariables({ value: texts, base: [...base, "secrets"], document, env, resolve, isSecret: () => true });
    for (const finding of resolved.findings) problems.add(finding);
    const values = resolved.value as string[];
    for (const [index, value] of values.entries()) {
      const known = !resolved.open.some(([open]) => open === index);
      checkStrength({ value, known, seen, at: document.at([...base, "secrets", index]), problems });
    }
    const secrets = resolve && resolved.open.length === 0 ? values.map((text) => new Secret(text)) : [];
    return {
      name,
      path: `/webhooks/${name}`,
      secrets,
      get allowUnsigned() {
        return Date.now() < untilMs;
      },
    };
  });
}

function checkWritten(options: { texts: string[]; base: Path; document: RoutesDocument; problems: Problems }): void {
  const { texts, base, document, problems } = options;
  for (const [index, text] of texts.entries()) {
    const at = document.at([...base, "secrets", index]);
    if (text === "") problems.add({ at, message: "an empty secret protects nothing", hint: `Give the webhook's secret: ${SECRETS_HINT}.` });
    else if (!hasVariables(text)) problems.warn({ at, message: "a secret is written out in the file", hint: LITERAL_HINT });
  }
}

/** A secret is long enough not to be found by trying, and nobody else's: what one source has signed, the other one would take. */
function checkStrength(options: { value: string; known: boolean; seen: Map<string, Position>; at: Position; problems: Problems }): void {
  const { value, known, seen, at, problems } = options;
  if (value === "") return;
  const first = seen.get(value);
  if (first) {
    const hint = `The first is on line ${first.line}. Give each source one of its own: else a call of one can be sent to the other.`;
    problems.warn({ at, message: "this secret is here twice", hint });
  } else seen.set(value, at);
  if (!known || !isShort(value)) return;
  problems.warn({
    at,
    message: "the secret is shorter than 16 characters",
    hint: "It can be found by trying. Make a long one: openssl rand -hex 32.",
  });
}

const SECRETS_HINT = 'secrets: ["${VOICEINFRA_WEBHOOK_SECRET}"]';
const SOURCE_HINT = `Add one: voiceinfra: { ${SECRETS_HINT} }.`;
export const LITERAL_HINT = "Files are copied and committed. Use a variable, ${NAME}, or ${file:/path}.";
