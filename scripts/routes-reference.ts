import type { z } from "zod";
import type { Connector } from "../src/connector/index.ts";
import { RELATED_NAMES, shareWordOf, VISIBLE_NAMES } from "../src/routes/compile/template-fields.ts";
import { agentSchema, fileSchema, routeSchema, sourceSchema } from "../src/routes/file/schema.ts";
import { secretKeysOf } from "../src/routes/file/secrets.ts";
import { FILTERS, type FilterShape } from "../src/routes/liquid/filters.ts";

type Tables = Record<string, string>;

/** The tables of docs/routes.md, by the name of their place there: they cannot say other than the code. */
export function referenceTables(): Tables {
  return {
    file: keysTable(fileSchema),
    source: keysTable(sourceSchema),
    agent: keysTable(agentSchema),
    route: keysTable(routeSchema),
    filters: table(["filter", "takes"], filterRows()),
    names: table(
      ["name", "type", "needs in `share`", "meaning"],
      [
        ...VISIBLE_NAMES.map(({ name, type, meaning }) => [
          `\`${name}\``,
          type === "dyn" ? "anything" : type,
          shareWordOf(name) ?? "",
          meaning,
        ]),
        ...RELATED_NAMES.map(({ name, meaning }) => [
          `\`${name}\``,
          "string",
          "",
          `${meaning}. Only in templates of a route with \`after\``,
        ]),
      ],
    ),
  };
}

/** Those that take the same stand in one row. */
function filterRows(): string[][] {
  const takes = ({ takes: parameters, needs, of }: FilterShape) => {
    const values = parameters.map((parameter, index) => {
      const name = typeof parameter === "string" ? PARAMETERS[parameter] : parameter.join(" or ");
      return index < needs ? name : `${name} (may be absent)`;
    });
    return `${of === undefined ? "" : `on ${KINDS[of]}: `}${values.length === 0 ? "nothing" : values.join(", ")}`;
  };
  const groups = Map.groupBy(Object.entries(FILTERS), ([, shape]) => takes(shape));
  return [...groups].map(([what, filters]) => [filters.map(([name]) => `\`${name}\``).join(", "), what]);
}

const PARAMETERS = {
  text: "a text",
  number: "a number",
  count: "a whole number",
  divisor: "a number, not 0",
  zone: "a time zone",
  format: "a format such as %Y-%m-%d",
  anything: "a value",
};
const KINDS = { text: "a text", number: "a number", time: "a time", flag: "true or false", list: "a list", anything: "anything" };

/** The tables of docs/connectors/<name>.md. */
export function connectorTables(connector: Connector): Tables {
  const { sends = [], settings, with: mapping } = connector;
  return {
    sends: table(
      ["field", "what of the call"],
      sends.map(({ field, what }) => [`\`${field}\``, what]),
    ),
    settings: keysTable(settings, { nested: true, secrets: secretKeysOf(settings) }),
    with: Object.keys(mapping.shape).length === 0 ? "None." : keysTable(mapping, { nested: true }),
  };
}

/** Whether a page has a place for each of a connector's tables. */
export function missingTables(text: string, tables: Tables): string[] {
  return Object.keys(tables).filter((name) => !text.includes(`<!-- table: ${name} -->`));
}

/** `text` with each table between `<!-- table: name -->` and `<!-- end -->` regenerated. `page` names it in errors. */
export function withTables(text: string, tables: Tables, page: string): string {
  return text.replace(/(<!-- table: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, begin: string, name: string, end: string) => {
    const made = tables[name];
    if (made === undefined) throw new Error(`${page} asks for the table "${name}", which is not made`);
    return `${begin}\n${made}\n\n${end}`;
  });
}

/** `text` of docs/routes.md, its tables regenerated. */
export function withReferenceTables(text: string): string {
  return withTables(text, referenceTables(), "docs/routes.md");
}

/** `nested`: the keys of groups inside it too, by their way: `match.on_many`. */
function keysTable(schema: z.ZodObject, options: { nested?: boolean; secrets?: Set<string> } = {}): string {
  const { nested = false, secrets = new Set() } = options;
  const rowsOf = (group: z.ZodObject, prefix: string): string[][] =>
    Object.entries(group.shape as Record<string, z.ZodType>).flatMap(([key, field]) => {
      const name = `${prefix}${key}`;
      const own = [`\`${name}\`${secrets.has(name) ? " (secret)" : ""}`, field.safeParse(undefined).success ? "" : "yes", meaningOf(field)];
      const inner = nested ? groupIn(field) : undefined;
      return inner ? [own, ...rowsOf(inner, `${name}.`)] : [own];
    });
  return table(["field", "needed", "meaning"], rowsOf(schema, ""));
}

interface Wrapped {
  type: string;
  innerType?: z.ZodType;
  in?: z.ZodType;
}

function unwrapped(schema: z.ZodType): z.ZodType | undefined {
  const def = schema.def as unknown as Wrapped;
  return def.innerType ?? (def.type === "pipe" ? def.in : undefined);
}

function groupIn(schema: z.ZodType): z.ZodObject | undefined {
  if ((schema.def as unknown as Wrapped).type === "object") return schema as z.ZodObject;
  const inner = unwrapped(schema);
  return inner && groupIn(inner);
}

/** Described as a whole, or under its `.optional()`. */
function meaningOf(schema: z.ZodType): string {
  const inner = unwrapped(schema);
  return schema.description ?? (inner ? meaningOf(inner) : "");
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
