import { closest } from "../../lib/text/did-you-mean.ts";
import { SHAREABLE, type Share } from "../../model/call.ts";
import { wrongIndentation } from "../diagnose/indentation.ts";
import { findingsOf } from "../diagnose/issues.ts";
import { misplacedFields } from "../diagnose/misplaced.ts";
import type { Problems } from "../diagnose/problems.ts";
import type { RoutesDocument } from "./document.ts";
import { fileSchema, type RoutesFile } from "./schema.ts";

/** Stands for a source that has its finding already: nothing more is said of it. */
export const WRONG_SOURCE: RoutesFile["sources"][string] = {};

/**
 * The file in its declared shape. Entries that do not fit are named in `problems` and left out, so that the rest is still checked:
 * a person sees all mistakes at once.
 */
export function checkShape(options: { document: RoutesDocument; problems: Problems; shown: string }): RoutesFile {
  const { document, problems, shown } = options;
  const value = document.value;
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const echoed = misplacedFields(document);
  for (const finding of echoed) problems.add(finding);
  if (echoed.length > 0) problems.throwIfAny(shown);
  const findings = findingsOf({ issues: parsed.error.issues, base: [], schema: fileSchema, document, value });
  const [first] = findings;
  // Several mistakes that one line's indentation makes good are one.
  const slipped =
    first && findings.length > 1 ? wrongIndentation({ text: document.text, errorLine: first.at.line, allOfIt: true }) : undefined;
  for (const finding of slipped ? [slipped] : findings) problems.add(finding);
  if (slipped) problems.throwIfAny(shown);
  if (!isGroup(value)) problems.throwIfAny(shown);
  return salvage(value);
}

/** What of a wrong file can be checked further: each entry is parsed alone; where a route fails, the fields at fault are dropped. */
function salvage(value: unknown): RoutesFile {
  const { shape } = fileSchema;
  const given = isGroup(value) ? value : {};
  const group = <T>(key: string, schema: { safeParse(value: unknown): { success: boolean; data?: T } }): Record<string, T> => {
    const entries = isGroup(given[key]) ? Object.entries(given[key]) : [];
    return Object.fromEntries(entries.flatMap(([name, entry]) => keep(schema.safeParse(entry)).map((data) => [name, data])));
  };
  return {
    version: 1,
    // A source with a mistake still counts: routes name it.
    sources: Object.fromEntries(
      Object.entries(isGroup(given.sources) ? given.sources : {}).map(([name, entry]) => [
        name,
        keep(shape.sources.valueType.safeParse(entry))[0] ?? WRONG_SOURCE,
      ]),
    ),
    timezone: keep(shape.timezone.safeParse(given.timezone))[0],
    own_numbers: keep(shape.own_numbers.safeParse(given.own_numbers))[0],
    agents: group("agents", shape.agents.unwrap().valueType),
    connectors: keep(shape.connectors.safeParse(given.connectors))[0],
    destinations: group("destinations", shape.destinations.valueType),
    routes: Array.isArray(given.routes) ? given.routes.map(salvageRoute) : [],
  };
}

/** Fields in their order in `routes`, so that the index of a route stays its index in the file. */
function salvageRoute(entry: unknown): RoutesFile["routes"][number] {
  const schema = fileSchema.shape.routes.element;
  const kept: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(schema.shape)) {
    const parsed = field.safeParse(isGroup(entry) ? entry[key] : undefined);
    if (parsed.success && parsed.data !== undefined) kept[key] = parsed.data;
  }
  // What was given and is wrong has its own finding: it must not count as missing.
  if (isGroup(entry) && entry.sources !== undefined) kept.sources ??= "all";
  if (isGroup(entry) && entry.share !== undefined) kept.share ??= likelyShare(entry.share);
  if (isGroup(entry) && entry.after !== undefined) kept.after ??= { route: nameIn(entry.after), wait: "1s" };
  const parsed = schema.safeParse(kept);
  return parsed.success ? parsed.data : { id: "", to: "", ...kept };
}

/** The words that were probably meant; all of them where one of them is near to none. */
function likelyShare(given: unknown): Share[] {
  const words = Array.isArray(given) ? given.map((word) => SHAREABLE.find((one) => one === word) ?? closest(String(word), SHAREABLE)) : [];
  return words.length === 0 || words.includes(undefined) ? [...SHAREABLE] : (words as Share[]);
}

const nameIn = (after: unknown) => (isGroup(after) && typeof after.route === "string" ? after.route : "");

function keep<T>(parsed: { success: boolean; data?: T }): T[] {
  return parsed.success && parsed.data !== undefined ? [parsed.data] : [];
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
