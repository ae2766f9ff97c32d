import { existsSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { routesJsonSchema } from "../../scripts/routes-json-schema.ts";
import { connectorTables, missingTables, referenceTables, withReferenceTables, withTables } from "../../scripts/routes-reference.ts";
import { type Connector, secret } from "../../src/connector/index.ts";
import { connectors, crm } from "./support/load.ts";

const root = new URL("../../", import.meta.url);
const docs = readFileSync(new URL("docs/routes.md", root), "utf8");

test("the tables of docs/routes.md say what the code says", () => {
  expect(withReferenceTables(docs)).toBe(docs);
  for (const made of Object.values(referenceTables())) expect(docs).toContain(made);
});

describe("a connector's page", () => {
  const desk = {
    ...crm,
    settings: z.strictObject({ token: secret().describe("Its token"), region: z.enum(["eu", "us"]).optional().describe("Where: eu | us") }),
    with: z.strictObject({
      match: z
        .strictObject({ on_many: z.enum(["all", "none"]).describe("Several have the number").default("all") })
        .prefault({})
        .describe("Whom it is logged on"),
    }),
    sends: [{ field: "note", what: "the summary" }],
  } as unknown as Connector;
  const tables = connectorTables(desk);

  test("lists what is sent, settings with their secrets marked, and groups of `with` by their way", () => {
    const rows = (text = "") => text.split("\n").slice(2);
    expect(rows(tables.sends)).toEqual(["| `note` | the summary |"]);
    expect(rows(tables.settings)).toEqual(["| `token` (secret) | yes | Its token |", "| `region` |  | Where: eu \\| us |"]);
    expect(rows(tables.with)).toEqual(["| `match` |  | Whom it is logged on |", "| `match.on_many` |  | Several have the number |"]);
  });

  test("is filled where it has a place for each table, again too, and its own words stay", () => {
    const page = "# Desk\n<!-- table: sends -->\n<!-- end -->\nwords\n<!-- table: with -->\nold\n<!-- end -->\n";
    expect(missingTables(page, tables)).toEqual(["settings"]);
    const filled = withTables(page, tables, "desk.md");
    expect(filled).toContain(`<!-- table: sends -->\n\n${tables.sends}\n\n<!-- end -->\nwords\n`);
    expect(filled).not.toContain("old");
    expect(withTables(filled, tables, "desk.md")).toBe(filled);
    expect(() => withTables("<!-- table: colour -->\n<!-- end -->", tables, "desk.md")).toThrow(/desk\.md asks for the table "colour"/);
  });
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
