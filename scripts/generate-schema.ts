/**
 * Writes what is made from the schemas of routes.yaml and of the connectors: config/routes.schema.json, the tables of docs/routes.md, and those
 * of each connector's page. With `--check` it writes nothing and fails if one of them is stale. A connector without a page, or without its table
 * of what it sends, fails either way.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { connectors } from "../connectors/index.ts";
import { routesJsonSchema } from "./routes-json-schema.ts";
import { connectorTables, missingTables, withReferenceTables, withTables } from "./routes-reference.ts";

const check = process.argv.includes("--check");

function pathOf(name: string): string {
  return fileURLToPath(new URL(`../${name}`, import.meta.url));
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}

function update(name: string, make: (current: string) => string): void {
  const path = pathOf(name);
  const current = existsSync(path) ? readFileSync(path, "utf8") : "";
  const made = make(current);
  if (made === current) return;
  if (check) fail(`${name} is stale: run npm run generate`);
  else writeFileSync(path, made);
}

update("config/routes.schema.json", () => {
  const schema = { $schema: "https://json-schema.org/draft/2020-12/schema", ...routesJsonSchema(connectors) };
  return `${JSON.stringify(schema, null, 2)}\n`;
});
update("docs/routes.md", withReferenceTables);

for (const connector of Object.values(connectors)) {
  const page = `docs/connectors/${connector.name}.md`;
  if (!connector.sends?.length)
    fail(`${connector.name} does not say what it sends: fill \`sends\` of connectors/${connector.name}/index.ts`);
  if (!existsSync(pathOf(page))) {
    fail(`${page} is missing: each connector has a page`);
    continue;
  }
  const tables = connectorTables(connector);
  for (const name of missingTables(readFileSync(pathOf(page), "utf8"), tables)) {
    fail(`${page} has no place for a table: <!-- table: ${name} --> and <!-- end -->`);
  }
  update(page, (text) => withTables(text, tables, page));
}
