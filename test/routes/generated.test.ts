import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { routesJsonSchema } from "../../src/routes/json-schema.ts";
import { referenceTables, withReferenceTables } from "../../src/routes/reference.ts";
import { connectors } from "./support/load.ts";

const root = new URL("../../", import.meta.url);
const docs = readFileSync(new URL("docs/routes.md", root), "utf8");

test("the tables of docs/routes.md say what the code says", () => {
  expect(withReferenceTables(docs)).toBe(docs);
  for (const made of Object.values(referenceTables())) expect(docs).toContain(made);
});

describe("the JSON Schema", () => {
  const schema = JSON.parse(JSON.stringify(routesJsonSchema(connectors)));

  test("knows every field of a route and refuses others", () => {
    const route = schema.properties.routes.items;
    expect(Object.keys(route.properties)).toEqual([
      "id",
      "to",
      "sources",
      "when",
      "share",
      "after",
      "with",
      "record",
      "start",
      "max_age",
      "was",
      "tests",
      "enabled",
      "description",
    ]);
    expect([route.additionalProperties, schema.additionalProperties, schema.required]).toEqual([
      false,
      false,
      ["version", "sources", "destinations", "routes"],
    ]);
  });

  test("has one form of a destination for each connector, with its settings as they are written", () => {
    const [crm] = schema.properties.destinations.additionalProperties.oneOf;
    expect(crm).toMatchObject({ title: "CRM", required: ["connector", "token"], additionalProperties: false });
    expect(crm.properties.connector.const).toBe("crm");
    expect(crm.properties.token).toMatchObject({ type: "string", minLength: 1 });
  });

  test("lets a variable stand for a word of a list", () => {
    const [crm] = schema.properties.destinations.additionalProperties.oneOf;
    expect(crm.properties.region.anyOf).toEqual([
      { type: "string", enum: ["eu", "us"] },
      { type: "string", pattern: "\\$\\{" },
    ]);
  });

  test("takes what any connector takes as `with`", () => {
    const { anyOf } = schema.properties.routes.items.properties.with;
    expect(anyOf.map((one: { title: string }) => one.title)).toEqual(["CRM", "Chat"]);
  });
});

test("the example names its schema for editors", () => {
  const example = readFileSync(new URL("routes.yaml", root), "utf8");
  const [, path = ""] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(example) ?? [];
  expect(path).toBe("./config/routes.schema.json");
  expect(existsSync(new URL(path, root))).toBe(true);
});
