/** The examples of docs that are code: each is run on what our connectors really write. */
import { globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Admin } from "kafkajs";
import { parseSync } from "oxc-parser";
import { describe, expect, onTestFinished, test } from "vitest";
import { discord } from "../../connectors/discord/index.ts";
import { webhook } from "../../connectors/webhook/index.ts";
import type { Connector } from "../../src/connector/index.ts";
import { makeTopic } from "../../src/log/kafka/make-topic.ts";
import { readSettings } from "../../src/log/kafka/settings.ts";
import { CALLS_TOPIC, QUARANTINE_TOPIC } from "../../src/log/log.ts";
import { openTestArchive } from "../support/archive.ts";
import { codeBlocks, ROOT } from "../support/documentation.ts";
import { deliveryOf, documentedCall } from "../support/documented-call.ts";
import { openRecorded } from "../support/written-requests.ts";

const blocks = codeBlocks();

function blockOf(page: string, language: string): string {
  const found = blocks.filter((block) => block.page === page && block.language === language);
  if (found.length !== 1) throw new Error(`${page} has ${found.length} blocks of ${language}`);
  return found[0]?.text ?? "";
}

/** A folder in the checkout, so that what is run there finds the packages. */
function newFolder(): string {
  const folder = mkdtempSync(join(ROOT.pathname, "node_modules", ".documentation-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe("docs/connectors/webhook.md", () => {
  const KEY = "voiceinfra/call_01HXYZ123456/follow-up";

  async function written() {
    const { destination, requests } = await openRecorded(webhook as unknown as Connector);
    await destination.send([deliveryOf({ call: documentedCall(), with: webhook.with.parse({}), key: KEY })], {
      signal: AbortSignal.timeout(10_000),
    });
    const request = requests?.[0];
    if (!request) throw new Error("nothing was sent");
    return request;
  }

  test("the request has the headers and the beginning that are shown", async () => {
    const [head = "", body = ""] = blockOf("docs/connectors/webhook.md", "http").split("\n\n");
    const request = await written();
    const shown = Object.fromEntries(
      head
        .split("\n")
        .slice(1)
        .map((line) => line.split(": ", 2)),
    );
    expect(Object.keys(request.headers)).toEqual(expect.arrayContaining(Object.keys(shown)));
    const beginning = body.trimEnd().replace(/…\}\}$/, "");
    expect(request.text.slice(0, beginning.length)).toBe(beginning);
    expect(request.headers["webhook-id"]).toMatch(/^msg_[0-9a-f]{24}_[0-9a-f]{16}$/);
    expect(shown["webhook-id"]).toMatch(/^msg_[0-9a-f]{24}_[0-9a-f]{16}$/);
    expect(request.headers["webhook-id"]?.slice(0, 28)).toBe(shown["webhook-id"]?.slice(0, 28));
    expect(shown["webhook-signature"]).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
  });

  test("the receiver takes what was sent, and nothing else", async () => {
    const request = await written();
    const file = join(newFolder(), "receiver.mjs");
    const code = blockOf("docs/connectors/webhook.md", "js");
    writeFileSync(file, `${code.replace("const {", "export default (rawBody, request) => {\nconst {")}\nreturn { type, data }; };\n`);
    const { default: receive } = (await import(file)) as { default: (body: string, request: object) => { type: string; data: object } };
    const { secret } = (await webhook.sandbox()).createSandbox().settings({ url: "http://127.0.0.1:1", folder: "" });
    process.env.WORKFLOWS_SECRET = String(secret);
    onTestFinished(() => void delete process.env.WORKFLOWS_SECRET);
    expect(receive(request.text, request)).toMatchObject({ type: "call.completed", data: { delivery_key: KEY } });
    expect(() => receive(`${request.text} `, request)).toThrow();
  });
});

describe("docs/connectors/archive.md", () => {
  test("the files of the documented call have the names that are shown", async () => {
    const folder = newFolder();
    const archive = await openTestArchive({ url: `file:${folder}` });
    const receipt = await archive.receipt();
    const names = [...blockOf("docs/connectors/archive.md", "text").matchAll(/^(\S+)/gm)].map(([, name]) => name);
    expect(names[0]).toBe(receipt.id);
    expect(globSync("**/*.json", { cwd: folder }).map((file) => relative(".", file))).toEqual([names[0]]);
    expect(new Set(names.map((name) => name?.split(".")[0])).size).toBe(1);
  });

  test("the query counts the calls of a folder", async () => {
    const folder = newFolder();
    const archive = await openTestArchive({ url: `file:${folder}/data/archive` });
    await archive.receipt();
    const { DuckDBInstance } = await import("@duckdb/node-api");
    const connection = await (await DuckDBInstance.create()).connect();
    onTestFinished(() => connection.closeSync());
    const sql = blockOf("docs/connectors/archive.md", "sql").replace("data/archive", `${folder}/data/archive`);
    const reader = await connection.runAndReadAll(sql);
    expect(reader.getRowsJson()).toEqual([["2025-01-15", "answered", "1"]]);
  });
});

test("the connector of CONTRIBUTING.md has no part that the contract does not know", () => {
  const code = blockOf("CONTRIBUTING.md", "ts");
  const { program, errors } = parseSync("example.ts", code);
  expect(errors).toEqual([]);
  const statement = program.body[0] as unknown as {
    declaration: { declarations: { init: { arguments: { properties: { key: { name: string } }[] }[] } }[] };
  };
  const keys = statement.declaration.declarations[0]?.init.arguments[0]?.properties.map(({ key }) => key.name) ?? [];
  expect(keys).toEqual(expect.arrayContaining(["settings", "open", "sandbox"]));
  expect(keys.filter((key) => !(key in discord))).toEqual([]);
});

test("the topics of docs/kafka.md are made as Patchbay makes them with three brokers", async () => {
  const commands = blocks
    .filter(({ page, language }) => page === "docs/kafka.md" && language === "sh")
    .flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"))
    .filter((line) => line.startsWith("kafka-topics.sh --create"));
  const settings = readSettings("kafka://broker:9092");
  const wanted = [
    { topic: CALLS_TOPIC, partitions: 12, replication: 3, minInsync: 2 },
    { topic: QUARANTINE_TOPIC, partitions: 1, replication: 3, minInsync: 2 },
  ];
  for (const [index, one] of wanted.entries()) {
    const asked: Parameters<Admin["createTopics"]>[0]["topics"] = [];
    const createTopics: Admin["createTopics"] = async ({ topics }) => asked.push(...topics) > 0;
    await makeTopic({ admin: { createTopics }, one, settings });
    const [made] = asked;
    const config = (made?.configEntries ?? [])
      .map(({ name, value }) => `${name}=${value}`)
      .filter((entry) => entry !== "cleanup.policy=delete");
    const option = (name: string) => [...(commands[index] ?? "").matchAll(new RegExp(` --${name} (\\S+)`, "g"))].map(([, value]) => value);
    expect(option("topic")).toEqual([made?.topic]);
    expect(option("partitions")).toEqual([String(made?.numPartitions)]);
    expect(option("replication-factor")).toEqual([String(made?.replicationFactor)]);
    expect(option("config").toSorted()).toEqual(config.toSorted());
  }
});
