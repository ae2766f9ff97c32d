import type { z } from "zod";
import { RELATED_NAMES, shareWordOf, VISIBLE_NAMES } from "./names.ts";
import { agentSchema, fileSchema, routeSchema, sourceSchema } from "./schema.ts";

/** The tables of docs/routes.md, by the name of their place there: they cannot say other than the code. */
export function referenceTables(): Record<string, string> {
  return {
    file: keysTable(fileSchema),
    source: keysTable(sourceSchema),
    agent: keysTable(agentSchema),
    route: keysTable(routeSchema),
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

/** `text` with each table between `<!-- table: name -->` and `<!-- end -->` made anew. */
export function withReferenceTables(text: string): string {
  const tables = referenceTables();
  return text.replace(/(<!-- table: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, begin: string, name: string, end: string) => {
    const made = tables[name];
    if (made === undefined) throw new Error(`docs/routes.md asks for the table "${name}", which is not made`);
    return `${begin}\n${made}\n\n${end}`;
  });
}

function keysTable(schema: z.ZodObject): string {
  const rows = Object.entries(schema.shape).map(([key, field]) => {
    const { description = "" } = field as z.ZodType;
    return [`\`${key}\``, (field as z.ZodType).safeParse(undefined).success ? "" : "yes", description];
  });
  return table(["field", "needed", "meaning"], rows);
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
