import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { RoutesFileError } from "../../src/errors.ts";
import { loadRoutes, withExternalConnectors } from "../../src/routes/index.ts";
import { connectors as ours } from "./support/load.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-outside-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const contract = pathToFileURL(join(import.meta.dirname, "../../src/connector/index.ts")).href;

/** A connector as a person outside this repository writes one. */
const sourceOf = (name: string, changes = "") => `import { defineConnector, secret, z } from "${contract}";
export default defineConnector({
  name: "${name}", title: "Helpdesk", keeps: "message", duplicates: "none",
  settings: z.strictObject({ token: secret() }), with: z.strictObject({ queue: z.string().optional() }),
  batch: { maxCalls: 1, concurrency: 1 },
  open: async () => { throw new Error("not opened"); }, sandbox: async () => { throw new Error("none"); },
  ${changes}
});
`;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** Modules are loaded once by a process, so each test names its own. */
let count = 0;
function fresh(text: string): string {
  count += 1;
  write(`connector-${count}.ts`, text);
  return `./connector-${count}.ts`;
}

async function load(connectors: string, destination = "{ connector: helpdesk, token: t0ken }", more = "") {
  const path = join(folder, "routes.yaml");
  const text = `version: 1
connectors: ${connectors}
sources: { main: { secrets: ["\${SECRET}"] } }
destinations: { desk: ${destination} }
routes: [{ id: to-desk, to: desk${more} }]
`;
  const { connectors: all, findings } = await withExternalConnectors({ path, text, ours });
  return loadRoutes({
    path,
    text,
    env: { SECRET: "the-webhook-secret" },
    connectors: all,
    connectorFindings: findings,
    role: { kind: "check" },
  });
}

async function problemsOf(...options: Parameters<typeof load>): Promise<string[]> {
  try {
    await load(...options);
  } catch (error) {
    if (error instanceof RoutesFileError)
      return error.problems.map(({ line, column, message, hint }) => `${line}:${column} ${message}${hint ? ` — ${hint}` : ""}`);
    throw error;
  }
  throw new Error("the file was accepted");
}

describe("a connector from outside", () => {
  test("is one like ours, once the file names its module", async () => {
    const loaded = await load(`[${fresh(sourceOf("helpdesk"))}]`, undefined, ", with: { queue: sales }");
    expect(loaded.routes[0]?.to.connector.title).toBe("Helpdesk");
    expect(loaded.warnings.map(({ message }) => message)).toContain('"token" is written out in the file');
    expect(loaded.text).not.toContain("t0ken");
  });

  test.each([
    [
      "with a rule of its own",
      'secret().refine((url) => url.reveal().startsWith("https://desk.example/"))',
      '"https://desk.example/hook-4711"',
    ],
    ["optional, with a rule", "secret().refine(() => true).optional().describe('x')", "hook-4711"],
    ["in a group", 'z.record(z.string(), secret().refine((one) => one.reveal().startsWith("hook")))', "{ Sent: hook-4711 }"],
  ])("a secret is warned of and masked under any name: %s", async (_, schema, value) => {
    const source = sourceOf("helpdesk").replace("token: secret()", `url: ${schema}`);
    const loaded = await load(`[${fresh(source)}]`, `{ connector: helpdesk, url: ${value} }`);
    if (!value.startsWith("{")) expect(loaded.warnings.map(({ message }) => message)).toContain('"url" is written out in the file');
    expect(loaded.text).not.toContain("4711");
    expect(loaded.copy.isWhole).toBe(false);
  });

  test("its settings and its `with` are checked at their places", async () => {
    const module = fresh(sourceOf("helpdesk"));
    expect(await problemsOf(`[${module}]`, "{ connector: helpdesk, tokn: x }", ", with: { qeue: x }")).toEqual([
      expect.stringMatching(/^4:\d+ "token" is missing/),
      expect.stringMatching(/^4:\d+ unknown field "tokn".*did you mean "token"/),
      expect.stringMatching(/^5:\d+ unknown field "qeue".*did you mean "queue"/),
    ]);
  });

  test("a module may export several", async () => {
    const both = `${sourceOf("helpdesk").replace("export default", "const one =")}\nexport default [one, { ...one, name: "second" }];`;
    expect(Object.keys((await load(`[${fresh(both)}]`)).connectors)).toEqual([...Object.keys(ours), "helpdesk", "second"]);
  });

  test("a package is found beside the routes file, also one for `import` alone", async () => {
    const source = sourceOf("helpdesk");
    write(
      "node_modules/@acme/patchbay-desk/package.json",
      JSON.stringify({ name: "@acme/patchbay-desk", type: "module", exports: { import: "./main.js" } }),
    );
    write("node_modules/@acme/patchbay-desk/main.js", source);
    expect((await load('["@acme/patchbay-desk"]')).connectors.helpdesk?.title).toBe("Helpdesk");
  });
});

describe("what is wrong with one is said at its line, with all else", () => {
  test.each([
    [
      "a file that is not there",
      () => "[./nowhere.ts]",
      /^2:14 there is no file \.\/nowhere\.ts — It is looked for beside the routes file: .*nowhere\.ts/,
    ],
    ["a package that is not there", () => '["@acme/nothing"]', /^2:14 there is no package "@acme\/nothing" — .*npm install @acme\/nothing/],
    ["a folder", () => "[./node_modules]", /is a folder — Name the module in it/],
    [
      "a file of another machine",
      () => '["file://host/connector.ts"]',
      /^2:14 file:\/\/host\/connector\.ts is no file of this machine — .*\.\/connector\.ts/,
    ],
    ...['{ "name": ', "null", "[]"].map(
      (text, index) =>
        [
          `a package whose package.json is broken: ${text}`,
          () => {
            write(`node_modules/broken-${index}/package.json`, text);
            return `[broken-${index}]`;
          },
          new RegExp(`^2:14 the package\\.json of "broken-${index}" cannot be read — Install the package again`),
        ] as [string, () => string, RegExp],
    ),
    [
      "no default export",
      () => `[${fresh("export const connector = 1;")}]`,
      /there is no connector in .* — Its default export must be a connector/,
    ],
    ["a module that throws", () => `[${fresh('throw new TypeError("no luck\\nat all")')}]`, /cannot be loaded: TypeError: no luck$/],
    ["a module with a mistake", () => `[${fresh("export default {")}]`, /cannot be loaded: /],
    [
      "something else",
      () => `[${fresh("export default { name: 'x', title: 'X' }")}]`,
      /exports what is no connector: "keeps" must be one of record, message/,
    ],
    ["a name of ours", () => `[${fresh(sourceOf("crm"))}]`, /the name "crm" is taken: Patchbay has a connector of its own with it/],
    [
      "the same name twice",
      () => `[${fresh(sourceOf("helpdesk"))}, ${fresh(sourceOf("helpdesk"))}]`,
      /the name "helpdesk" is taken: \.\/connector-\d+\.ts has a connector with it/,
    ],
    ["another contract", () => `[${fresh(sourceOf("helpdesk", "contract: 9,"))}]`, /it was made for contract 9, and this Patchbay has 1/],
    ["no list", () => "./connector.ts", /"connectors" must be a list/],
  ])("%s", async (_, connectors, says) => {
    const problems = await problemsOf(connectors(), "{ connector: chatt, token: t }");
    expect(problems[0]).toMatch(says);
    // The other mistake of the file is told too.
    expect(problems.at(-1)).toMatch(/unknown connector "chatt" — did you mean "chat"/);
  });
});
