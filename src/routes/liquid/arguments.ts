import { type Liquid, type Template, type Token, TypeGuards, type Value } from "liquidjs";
import { didYouMean } from "../../lib/text/did-you-mean.ts";
import { isTimezone, timezoneHint } from "../../lib/time/timezone.ts";
import { VISIBLE_NAMES } from "../compile/template-fields.ts";
import { dateFormatProblem } from "./date-format.ts";
import { FILTERS, type FilterShape, type Kind, type Parameter } from "./filters.ts";
import type { TemplateFinding } from "./finding.ts";
import { type IsOpen, literalOf, loopFindings, numberFindings } from "./literals.ts";

/** A value with its filters, as Liquid reads `summary | truncate: 300`. */
interface Filtered {
  initial: Value["initial"];
  filters: { name: string; args: Value["filters"][number]["args"]; begin: number }[];
}

/**
 * What is written out behind the filters of a template and cannot be meant: `truncate: "abc"`, an unknown time zone, a division by 0, a number's
 * filter on a text. Liquid does not mind most of them, and shows nonsense on every call.
 */
export function argumentFindings(liquid: Liquid, template: readonly Template[], isOpen: IsOpen = () => false): TemplateFinding[] {
  const findings: TemplateFinding[] = [];
  for (const one of walk(template)) {
    findings.push(...loopFindings(one, isOpen));
    for (const argument of one.arguments?.() ?? []) {
      const value = filteredOf(argument);
      for (const token of value ? value.initial.postfix : [argument as Token]) findings.push(...numberFindings(token, isOpen));
      if (value) findings.push(...filterFindings(liquid, value, isOpen));
    }
  }
  return findings;
}

/** Every template and those inside it. */
export function* walk(templates: readonly Template[]): Generator<Template> {
  for (const template of templates) {
    yield template;
    const children = template.children?.(false, true);
    if (!children) continue;
    let step = children.next();
    while (!step.done) step = children.next();
    yield* walk(step.value);
  }
}

export function filteredOf(argument: unknown): Filtered | undefined {
  if (typeof argument !== "object" || argument === null || !("initial" in argument) || !("filters" in argument)) return undefined;
  const { initial, filters } = argument as Pick<Value, "initial" | "filters">;
  return {
    initial,
    filters: filters.map((filter) => {
      const token = (filter as unknown as { token?: Token }).token ?? (filter as unknown as Token);
      return { name: filter.name, args: filter.args, begin: token.begin };
    }),
  };
}

function filterFindings(liquid: Liquid, { initial, filters }: Filtered, isOpen: IsOpen): TemplateFinding[] {
  const findings: TemplateFinding[] = [];
  for (const [index, { name, args, begin }] of filters.entries()) {
    const shape = FILTERS[name];
    if (!shape) continue;
    const kind = index === 0 ? kindOf(initial) : { kind: FILTERS[filters[index - 1]?.name ?? ""]?.gives ?? "anything", name: undefined };
    const wrong = wrongKind(name, shape, kind);
    if (wrong) findings.push({ offset: begin, ...wrong });
    const plain = args.filter((arg): arg is Exclude<typeof arg, unknown[]> => !Array.isArray(arg));
    for (const arg of args) {
      if (!Array.isArray(arg) || arg[0] === undefined || shape.named?.includes(arg[0])) continue;
      const hint = shape.named ? `Known here: ${shape.named.join(", ")}.` : "Values stand behind the colon without names.";
      findings.push({ offset: arg[1]?.begin ?? begin, message: `"${name}" knows no "${arg[0]}:"`, hint, severity: "warning" });
    }
    if (plain.length < shape.needs) {
      findings.push({
        offset: begin,
        message: `"${name}" needs ${countOf(shape.needs)}`,
        hint: `Such as {{ … | ${exampleOf(name, shape)} }}.`,
      });
    }
    for (const [place, arg] of plain.entries()) {
      const parameter = shape.takes[place];
      if (parameter === undefined) {
        const takes = shape.takes.length === 0 ? "nothing" : `only ${countOf(shape.takes.length)}`;
        findings.push({ offset: arg.begin, message: `"${name}" takes ${takes} behind its colon`, severity: "warning" });
        break;
      }
      findings.push(...numberFindings(arg, isOpen));
      const literal = literalOf(arg);
      const problem = literal && !isOpen(literal.begin, literal.end) && problemOf(parameter, literal.text, { liquid, name });
      if (literal && problem) findings.push({ offset: literal.begin, ...problem });
    }
  }
  return findings;
}

const countOf = (count: number) => (count === 1 ? "a value" : `${count} values`);

function exampleOf(name: string, { takes, needs }: FilterShape): string {
  const values = takes.slice(0, needs).map((parameter) => (["number", "count", "divisor"].includes(String(parameter)) ? "60" : "'text'"));
  return `${name}: ${values.join(", ")}`;
}

/** What stands first, where the template tells: a name of a call, or something written out. */
function kindOf(initial: Value["initial"]): { kind: Kind; name: string | undefined } {
  const [token, ...more] = initial.postfix;
  if (!token || more.length > 0) return { kind: "anything", name: undefined };
  const literal = literalOf(token);
  if (literal) return { kind: Number.isNaN(Number(literal.text)) || literal.text.trim() === "" ? "text" : "number", name: undefined };
  const name = rootOf(token);
  const known = VISIBLE_NAMES.find((one) => one.name === name);
  if (!known || !TypeGuards.isPropertyAccessToken(token) || token.props.length !== 1) return { kind: "anything", name: undefined };
  const kinds = { string: "text", int: "number", bool: "flag", timestamp: "time", dyn: "anything" } as const;
  return { kind: kinds[known.type], name: known.name };
}

/** The first name of `metadata.campaign`. */
export function rootOf(token: Token): string | undefined {
  if (!TypeGuards.isPropertyAccessToken(token) || token.variable !== undefined) return undefined;
  const [first] = token.props;
  return first && "content" in first ? String(first.content) : undefined;
}

function wrongKind(
  filter: string,
  { of }: FilterShape,
  value: { kind: Kind; name: string | undefined },
): Omit<TemplateFinding, "offset"> | undefined {
  const { kind, name } = value;
  // What other filters have made of a value may be a number in letters.
  if (name === undefined || of === undefined || kind === of || kind === "anything") return undefined;
  const message = `"${filter}" is for ${NAMED[of]}, and ${name} is ${NAMED[kind]}`;
  if (of === "time" && kind === "number") return { message, hint: `To show a length: {{ ${name} | duration }}.` };
  if (of === "number" && filter === "duration") return { message, hint: "{{ duration_seconds | duration }} shows how long a call was." };
  return { message };
}

const NAMED: Record<Kind, string> = {
  text: "a text",
  number: "a number",
  time: "a time",
  flag: "true or false",
  list: "a list",
  anything: "anything",
};

function problemOf(parameter: Parameter, text: string, at: { liquid: Liquid; name: string }): Omit<TemplateFinding, "offset"> | undefined {
  const { liquid, name } = at;
  if (typeof parameter !== "string") {
    if (parameter.includes(text)) return undefined;
    return { message: `"${name}" does not know "${text}"`, hint: didYouMean(text, parameter) ?? `It knows ${parameter.join(", ")}.` };
  }
  const number = text.trim() === "" ? Number.NaN : Number(text);
  switch (parameter) {
    case "number":
      return Number.isFinite(number) ? undefined : { message: `"${name}" needs a number here` };
    case "divisor":
      if (number === 0) return { message: "a division by 0" };
      return Number.isFinite(number) ? undefined : { message: `"${name}" needs a number here` };
    case "count":
      return Number.isInteger(number) && number >= 0 ? undefined : { message: `"${name}" needs a whole number here, such as 300` };
    case "zone":
      // Liquid takes an offset in minutes, too.
      if (Number.isInteger(number) || isTimezone(text)) return undefined;
      return { message: `there is no time zone "${text}"`, hint: timezoneHint(text) };
    case "format":
      return dateFormatProblem(liquid, text);
    default:
      return undefined;
  }
}
