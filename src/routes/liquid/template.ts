import type { Liquid, Template } from "liquidjs";
import { didYouMean } from "../../lib/did-you-mean.ts";
import type { Share } from "../../model/call.ts";
import { RELATED_NAMES, shareWordOf, VISIBLE_NAMES } from "../names.ts";
import { REFUSED_TAGS } from "./engine.ts";

/** What is wrong with a template, and at which character of it. */
export interface TemplateFinding {
  offset: number;
  message: string;
  hint?: string | undefined;
}

const NAMES = new Map(VISIBLE_NAMES.map((one) => [one.name as string, one]));
const RELATED = RELATED_NAMES.map(({ name }) => name);
const PERSON_FIELDS = RELATED.flatMap((name) => (name.startsWith("person.") ? [name.slice("person.".length)] : []));
const RELATED_ROOTS = [...new Set(RELATED.map((name) => name.split(".", 1)[0] as string))];
/** What Liquid can ask of a text or a list. */
const PROPERTIES = new Set(["size", "first", "last"]);

export function isTemplate(text: string): boolean {
  return text.includes("{{") || text.includes("{%");
}

/** Parses a template and checks every name in it. `template` is undefined if it cannot be parsed. */
export function checkTemplate(options: {
  liquid: Liquid;
  text: string;
  share: readonly Share[];
  /** The route waits for another one, whose person and record its templates see. */
  after: boolean;
}): { template: Template[] | undefined; findings: TemplateFinding[] } {
  const { liquid, text, share, after } = options;
  const { template, findings } = parseTemplate(liquid, text);
  if (!template) return { template, findings };
  for (const uses of Object.values(liquid.analyzeSync(template, { partials: false }).globals)) {
    for (const use of uses) {
      const [name, property] = use.toArray();
      const finding = checkName(String(name), property, { share, after });
      if (finding) findings.push({ offset: offsetOf(text, use.location.row, use.location.col), ...finding });
    }
  }
  return { template, findings };
}

/** An unknown filter is stood in for, so that it does not hide the next one, or an unknown name. */
function parseTemplate(liquid: Liquid, text: string): { template: Template[] | undefined; findings: TemplateFinding[] } {
  const findings: TemplateFinding[] = [];
  const stoodIn: string[] = [];
  try {
    for (;;) {
      try {
        return { template: liquid.parse(text), findings };
      } catch (error) {
        findings.push(explainLiquidError(error, text, liquid));
        const filter = UNDEFINED_FILTER.exec(messageOf(error))?.[1];
        if (filter === undefined || stoodIn.includes(filter)) return { template: undefined, findings };
        liquid.registerFilter(filter, (value) => value);
        stoodIn.push(filter);
      }
    }
  } finally {
    for (const filter of stoodIn) liquid.unregisterFilter(filter);
  }
}

const UNDEFINED_FILTER = /^undefined filter: (.*)$/;

/** Without Liquid's own place, which counts from the begin of the template. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/, (file|line):.*$/s, "") : "cannot be read";
}

type NameFinding = Omit<TemplateFinding, "offset">;

function checkRelated(name: string, property: unknown, after: boolean): NameFinding | undefined {
  if (!after) {
    const hint = "Add after: { route: <id of the route to the CRM>, wait: 60s }: its receipt brings it.";
    return { message: `"${name}" is known only to a route with "after"`, hint };
  }
  const fields = name === "person" ? PERSON_FIELDS : [...PROPERTIES];
  if (typeof property !== "string" || fields.includes(property)) return undefined;
  const known = name === "person" ? `Known here: ${PERSON_FIELDS.map((field) => `person.${field}`).join(", ")}.` : "It is a text.";
  return { message: `"${name}" has no field "${property}"`, hint: didYouMean(property, fields) ?? known };
}

function checkName(name: string, property: unknown, of: { share: readonly Share[]; after: boolean }): NameFinding | undefined {
  const { share, after } = of;
  const known = NAMES.get(name);
  if (RELATED_ROOTS.includes(name)) return checkRelated(name, property, after);
  if (!known) {
    const hint = didYouMean(name, [...NAMES.keys(), ...(after ? RELATED_ROOTS : [])]) ?? "The names are in docs/routes.md.";
    return { message: `unknown name "${name}" in a template`, hint };
  }
  const word = shareWordOf(name);
  if (word && !share.includes(word)) {
    return {
      message: `the template uses "${name}", which this route does not share`,
      hint: `Add ${word} to share: [${[...share, word].join(", ")}].`,
    };
  }
  if (known.type !== "dyn" && typeof property === "string" && !PROPERTIES.has(property)) {
    return {
      message: `"${name}" has no field "${property}"`,
      hint: NAMES.has(`${name}_${property}`) ? `did you mean "${name}_${property}"?` : "Only metadata has fields.",
    };
  }
  return undefined;
}

/** Liquid's message never quotes a call: it is about the file's own text. Still, ours are shorter and have the place. */
function explainLiquidError(error: unknown, text: string, liquid: Liquid): TemplateFinding {
  const message = messageOf(error);
  const begin = beginOf(error);
  const within = (word: string) => Math.max(begin, text.indexOf(word, begin));

  const filter = UNDEFINED_FILTER.exec(message)?.[1];
  if (filter !== undefined) {
    return { offset: within(filter), message: `unknown filter "${filter}"`, hint: didYouMean(filter, Object.keys(liquid.filters)) };
  }
  const tag = /^tag "(.*)" not found$/.exec(message)?.[1];
  if (tag !== undefined) {
    const hint = REFUSED_TAGS.includes(tag) ? "Templates read no other files." : didYouMean(tag, Object.keys(liquid.tags));
    return {
      offset: within(tag),
      message: `${REFUSED_TAGS.includes(tag) ? "the tag" : "unknown tag"} "${tag}"${REFUSED_TAGS.includes(tag) ? " is not available" : ""}`,
      hint,
    };
  }
  if (/^output .* not closed$/s.test(message)) return { offset: begin, message: 'a "{{" is never closed', hint: 'It ends with "}}".' };
  if (/^tag .* not closed$/s.test(message)) {
    const name = /\{%-?\s*(\w+)/.exec(text.slice(begin))?.[1] ?? "";
    if (!text.slice(begin).includes("%}")) return { offset: begin, message: 'a "{%" is never closed', hint: 'It ends with "%}".' };
    return { offset: begin, message: `the tag "${name}" is never closed`, hint: `It ends with {% end${name} %}.` };
  }
  if (/^invalid value expression: ""/.test(message))
    return { offset: begin, message: "this template is empty", hint: "Name what it shall show: {{ summary }}." };
  if (message.startsWith('expected "|"'))
    return {
      offset: begin,
      message: "a template cannot calculate like this",
      hint: "Use filters: {{ duration_seconds | divided_by: 60 }}.",
    };
  return { offset: begin, message: `the template cannot be read: ${message}` };
}

function beginOf(error: unknown): number {
  if (typeof error !== "object" || error === null || !("token" in error)) return 0;
  const token = error.token;
  return typeof token === "object" && token !== null && "begin" in token && typeof token.begin === "number" ? token.begin : 0;
}

/** Liquid counts rows and columns from 1. */
function offsetOf(text: string, row: number, column: number): number {
  let start = 0;
  for (let line = 1; line < row; line += 1) start = text.indexOf("\n", start) + 1;
  return start + column - 1;
}
