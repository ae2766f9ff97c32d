import { z } from "zod";
import type { Connector } from "../src/connector/index.ts";
import { fileSchema } from "../src/routes/file/schema.ts";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/**
 * The JSON Schema of routes.yaml, for editors: they complete and check while one types. It is made from the same zod schemas that check
 * the file when it is loaded; what only the loader can know (expressions, templates, names) it leaves open. A file that names connectors from
 * outside may have destinations and `with`s that no schema here knows; in one that names none, each must be one of ours.
 */
export function routesJsonSchema(connectors: Record<string, Connector>): JsonSchema {
  const file = toJsonSchema(fileSchema);
  const destinations = file.properties?.destinations;
  const routes = file.properties?.routes;
  const route = typeof routes === "object" && typeof routes.items === "object" && !Array.isArray(routes.items) ? routes.items : undefined;
  if (typeof destinations !== "object" || !route?.properties) throw new Error("the schema of routes.yaml has lost destinations or routes");

  const all = Object.values(connectors);
  const names = all.map(({ name }) => name);
  const outside: JsonSchema = {
    title: FROM_OUTSIDE,
    type: "object",
    properties: { connector: { type: "string", not: { enum: names } } },
    required: ["connector"],
  };
  destinations.additionalProperties = { description: "A place that calls go to", oneOf: [...all.map(destinationOf), outside] };
  const described = typeof route.properties.with === "object" ? route.properties.with.description : undefined;
  route.properties.with = {
    ...(described === undefined ? {} : { description: described }),
    anyOf: [...all.map(withOf), { title: FROM_OUTSIDE, type: "object" }],
  };
  return {
    ...file,
    title: "routes.yaml of Patchbay",
    $defs: Object.fromEntries(all.map((connector) => [withName(connector), allowingVariables(toJsonSchema(connector.with))])),
    if: { required: ["connectors"] },
    else: {
      properties: {
        destinations: { additionalProperties: { properties: { connector: { enum: names } } } },
        routes: { items: { properties: { with: { anyOf: all.map(withOf) } } } },
      },
    },
  };
}

const FROM_OUTSIDE = "A connector from outside";

/** Twice in the schema, so written once. */
function withOf(connector: Connector): JsonSchema {
  return { title: connector.title, $ref: `#/$defs/${withName(connector)}` };
}

function withName({ name }: Connector): string {
  return `with_${name}`;
}

function destinationOf(connector: Connector): JsonSchema {
  const settings = allowingVariables(toJsonSchema(connector.settings));
  return {
    ...settings,
    title: connector.title,
    properties: { connector: { const: connector.name, description: connector.title }, ...settings.properties },
    required: ["connector", ...(settings.required ?? [])],
  };
}

/** Where the value is not just any text, a variable may stand for it. */
function allowingVariables(schema: JsonSchema): JsonSchema {
  const properties = Object.entries(schema.properties ?? {}).map(([key, property]) => {
    if (typeof property === "boolean" || isAnyText(property)) return [key, property];
    const { description, ...rest } = property;
    const either = { anyOf: [rest, { type: "string", pattern: "\\$\\{" }] };
    return [key, description === undefined ? either : { description, ...either }];
  });
  return { ...schema, ...(schema.properties ? { properties: Object.fromEntries(properties) } : {}) };
}

function isAnyText(schema: JsonSchema): boolean {
  return schema.type === "string" && schema.pattern === undefined && schema.format === undefined && schema.enum === undefined;
}

function toJsonSchema(schema: z.ZodType): JsonSchema {
  // `$schema` belongs to the whole; refinements and transforms have no form in JSON Schema and are left to the loader.
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return rest;
}
