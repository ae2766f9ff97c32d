import type { Template } from "liquidjs";
import type { Connector, Related } from "../../connector/index.ts";
import type { Share, SharedCall } from "../../model/call.ts";
import { RouteFault } from "../../route.ts";
import type { KnownWords } from "../cel/near-misses.ts";
import { findingsOf } from "../diagnose/issues.ts";
import type { Finding } from "../diagnose/problems.ts";
import type { Path, RoutesDocument } from "../file/document.ts";
import { withoutVariables } from "../file/variable-syntax.ts";
import { type Environment, resolveVariables } from "../file/variables.ts";
import { argumentFindings } from "../liquid/arguments.ts";
import type { createLiquids } from "../liquid/engine.ts";
import type { Awaited } from "../liquid/names.ts";
import { checkTemplate, isTemplate } from "../liquid/template.ts";
import { VISIBLE_NAMES } from "./template-fields.ts";

export type RenderWith = (shared: SharedCall, related: Related | undefined) => Record<string, unknown>;

/**
 * Checks a route's `with` and makes the function that fills it in for a call.
 * Names are checked in the text as the file has it, so that places are right; variables are then put in, before the template is parsed:
 * a variable's value may hold a template, a call's value never becomes one.
 */
export function compileWith(options: {
  value: Record<string, unknown>;
  base: Path;
  connector: Connector;
  document: RoutesDocument;
  liquids: Liquids;
  share: readonly Share[];
  /** The route that is waited for. */
  after: Awaited | undefined;
  known: KnownWords;
  env: Environment;
  /** Whether this process needs the variables of this route. */
  resolve: boolean;
}): { render: RenderWith; findings: Finding[]; usable: boolean } {
  const { value, base, connector, document, liquids, share, after, known, env, resolve } = options;
  const findings: Finding[] = [];
  for (const [path, text] of textsOf(value)) {
    if (!isTemplate(text)) continue;
    const where = [...base, ...path];
    const { text: checked, variables } = withoutVariables(text);
    const isOpen = (from: number, to: number) => variables.some((one) => one.from < to && from < one.to);
    for (const { offset, ...finding } of checkTemplate({ liquid: liquids(undefined), text: checked, share, after, known, isOpen })
      .findings) {
      findings.push({ at: document.inside(where, offset), ...finding });
    }
  }

  const resolved = resolveVariables({ value, base, document, env, resolve, isText: true });
  findings.push(...resolved.findings);
  const parsed = connector.with.safeParse(resolved.value);
  if (!parsed.success) {
    const open = resolved.open;
    const issues = parsed.error.issues.filter((issue) => !open.some((path) => startsWith(issue.path, path)));
    findings.push(...findingsOf({ issues, base, schema: connector.with, document, value }));
  }

  const filled = resolved.value;
  const usable = findings.every(isWarning) && resolved.open.length === 0;
  const constant = usable && parsed.success && ![...textsOf(filled)].some(([, text]) => isTemplate(text)) ? parsed.data : undefined;
  const compiled = constant || !usable ? undefined : compileTree(filled, [], { connector, liquids, base, document, findings });

  return {
    findings,
    usable: (constant !== undefined || compiled !== undefined) && findings.every(isWarning),
    render(shared, related) {
      if (constant) return constant;
      if (!compiled) throw new RouteFault("mapping_fault", "with was not loaded for this process");
      const rendered = connector.with.safeParse(compiled(scopeOf(shared, related)));
      if (rendered.success) return rendered.data;
      const fields = [...new Set(rendered.error.issues.map((issue) => ["with", ...issue.path].map(String).join(".")))];
      throw new RouteFault("mapping_fault", `${fields.join(", ")}: not what ${connector.title} takes once the template is filled in`);
    },
  };
}

const isWarning = ({ severity }: { severity?: Finding["severity"] }) => severity === "warning";

/** Of a template that was cut off. */
const TOO_LONG = "the template failed on this call: it took more than 0.2 s, or more text than there may be";

function startsWith(path: Path, prefix: Path): boolean {
  return prefix.every((part, index) => path[index] === part);
}

/** Every text in a value, with its path. */
function* textsOf(value: unknown, path: Path = []): Generator<[Path, string]> {
  if (typeof value === "string") yield [path, value];
  else if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* textsOf(item, [...path, index]);
  else if (typeof value === "object" && value !== null)
    for (const [key, item] of Object.entries(value)) yield* textsOf(item, [...path, key]);
}

type Liquids = ReturnType<typeof createLiquids>;
type Fill = (scope: Record<string, unknown>) => unknown;

interface Compiling {
  connector: Connector;
  liquids: Liquids;
  base: Path;
  document: RoutesDocument;
  findings: Finding[];
}

function compileTree(value: unknown, path: Path, at: Compiling): Fill {
  if (typeof value === "string" && isTemplate(value)) return compileText(value, path, at);
  if (Array.isArray(value)) {
    const items = value.map((item, index) => compileTree(item, [...path, index], at));
    return (scope) => items.map((fill) => fill(scope));
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => [key, compileTree(item, [...path, key], at)] as const);
    return (scope) => Object.fromEntries(entries.map(([key, fill]) => [key, fill(scope)]));
  }
  return () => value;
}

function compileText(text: string, path: Path, at: Compiling): Fill {
  const liquid = at.liquids(at.connector.escape?.[String(path[0])]);
  let template: Template[];
  const place = at.document.at([...at.base, ...path]);
  try {
    template = liquid.parse(text);
  } catch {
    // The text of the file is fine: a variable's value broke it, and values are not shown.
    at.findings.push({ at: place, message: "the template cannot be read once its variables are filled in" });
    return () => text;
  }
  const wrong = argumentFindings(liquid, template).filter((finding) => !isWarning(finding));
  // What the file itself has wrong has its finding, and nothing is compiled then.
  if (wrong.length > 0) {
    at.findings.push({ at: place, message: "a filter gets what it cannot work with once the variables are filled in" });
  }
  return (scope) => {
    try {
      return liquid.renderSync(template, scope);
    } catch (error) {
      // Liquid's message may quote the call.
      const tooLong = error instanceof Error && /limit exceeded/.test(error.message) ? TOO_LONG : "the template failed on this call";
      throw new RouteFault("mapping_fault", `${["with", ...path].map(String).join(".")}: ${tooLong}`);
    }
  };
}

/** What templates see: the names of the list, absent texts as "". */
function scopeOf(shared: SharedCall, related: Related | undefined): Record<string, unknown> {
  const scope: Record<string, unknown> = { person: personOf(related), record_url: related?.url ?? "" };
  for (const { name, type } of VISIBLE_NAMES) scope[name] = shared[name] ?? (type === "dyn" ? {} : "");
  return scope;
}

/** Absent it is nil, so that `{% if person %}` and `default` work. As a text it is the name, never `[object Object]`. */
function personOf(related: Related | undefined): object | undefined {
  const { person } = related ?? {};
  if (!person) return undefined;
  const { id, kind, name = "", owner = "", url = "" } = person;
  return { id, kind, name, owner, url, toString: () => name };
}
