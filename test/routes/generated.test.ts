import { existsSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
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
    expect(anyOf.map((one: { title: string }) => one.title)).toEqual(["CRM", "Chat", "A connector from outside"]);
  });
});

describe("an editor, by the JSON Schema,", () => {
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(routesJsonSchema(connectors));
  const file = (more: object, destination: object, mapping: object) => ({
    version: 1,
    sources: { main: { secrets: ["${SECRET}"] } },
    destinations: { desk: destination },
    routes: [{ id: "to-desk", to: "desk", with: mapping }],
    ...more,
  });

  test("marks a connector's misspelt name, and a `with` that none takes", () => {
    expect(validate(file({}, { connector: "chat", token: "${T}" }, { channel: "C1" }))).toBe(true);
    expect(validate(file({}, { connector: "chatt", token: "${T}" }, { channel: "C1" }))).toBe(false);
    expect(validate(file({}, { connector: "chat", token: "${T}" }, { chanel: "C1" }))).toBe(false);
  });

  test("lets a file that names connectors from outside have destinations and `with`s of theirs, and still checks ours", () => {
    const outside = { connectors: ["./desk.ts"] };
    expect(validate(file(outside, { connector: "desk", queue: 7 }, { anything: true }))).toBe(true);
    expect(validate(file(outside, { connector: "chat", tokn: "${T}" }, {}))).toBe(false);
  });
});

test("the example names its schema for editors", () => {
  const example = readFileSync(new URL("routes.yaml", root), "utf8");
  const [, path = ""] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(example) ?? [];
  expect(path).toBe("./config/routes.schema.json");
  expect(existsSync(new URL(path, root))).toBe(true);
});
