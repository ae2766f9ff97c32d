/**
 * Writes what is made from the schemas of routes.yaml: config/routes.schema.json (core and connectors) and the tables of docs/routes.md.
 * With `--check` it writes nothing and fails if one of them is stale.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { connectors } from "../connectors/index.ts";
import { routesJsonSchema } from "../src/routes/json-schema.ts";
import { withReferenceTables } from "../src/routes/reference.ts";

const check = process.argv.includes("--check");

function update(name: string, make: (current: string) => string): void {
  const path = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const current = existsSync(path) ? readFileSync(path, "utf8") : "";
  const made = make(current);
  if (made === current) return;
  if (check) {
    console.error(`${name} is stale: run node scripts/generate-schema.ts`);
    process.exitCode = 1;
  } else writeFileSync(path, made);
}

update("config/routes.schema.json", () => {
  const schema = { $schema: "https://json-schema.org/draft/2020-12/schema", ...routesJsonSchema(connectors) };
  return `${JSON.stringify(schema, null, 2)}\n`;
});
update("docs/routes.md", withReferenceTables);
