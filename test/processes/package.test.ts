import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "patchbay-package-"));
/** npm scripts and bins find the Node that runs this test, not the system's. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };

function run(command: string, args: string[], cwd = folder): string {
  return execFileSync(command, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

let packed: { size: number; files: { path: string; size: number }[] };

beforeAll(() => {
  [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder], ROOT).replace(/^[^[]*/, ""));
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  writeFileSync(join(folder, "package.json"), '{ "name": "empty", "private": true }');
  run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", `./${tarball}`]);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the package holds the product alone: no tests, no goldens, no stand-ins of tests, no sources, and stays small", () => {
  const allowed =
    /^(package\.json|README\.md|LICENSE|bin\/|config\/|dist\/(package\.json$|(src|connectors)\/.*\.(js|d\.ts|json|yaml|sql)$))/;
  expect(
    packed.files.map(({ path }) => path).filter((path) => !allowed.test(path) || /golden|stand-in|\/tests?\/|\.test\./.test(path)),
  ).toEqual([]);
  expect(packed.files.length).toBeLessThan(1_400);
  expect(packed.size).toBeLessThan(1_500_000);
});

test("the packed package, installed in an empty folder, checks a routes file", () => {
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { warehouse: { connector: warehouse, url: "duckdb:calls.duckdb" } }
routes: [{ id: all, to: warehouse }]
`,
  );
  expect(run(process.execPath, ["node_modules/patchbay/bin/patchbay.js", "check", "--no-env"])).toContain(
    "routes.yaml is fine: 1 source, 1 destination, 1 route",
  );
});

test("a connector from outside compiles against the packed package, and certifies", () => {
  const template = join(ROOT, "scripts/connector-template");
  for (const file of readdirSync(template, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
    const text = readFileSync(join(template, file), "utf8").replaceAll(/"(\.\.\/)+src\/connector\/index\.ts"/g, '"patchbay/connector"');
    mkdirSync(dirname(join(folder, "mine", file)), { recursive: true });
    writeFileSync(join(folder, "mine", file), file === "index.ts" ? `${text}\nexport default example;\n` : text);
  }
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        module: "nodenext",
        target: "esnext",
        strict: true,
        noEmit: true,
        allowImportingTsExtensions: true,
        skipLibCheck: true,
        types: ["node"],
        typeRoots: [join(ROOT, "node_modules/@types")],
      },
      include: ["mine"],
    }),
  );
  const compiled = spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", "."], { cwd: folder, env, encoding: "utf8" });
  expect(compiled).toMatchObject({ status: 0, stdout: "" });
  const certified = run(process.execPath, ["node_modules/patchbay/bin/patchbay.js", "certify", "./mine/index.ts", "--json"]);
  expect(JSON.parse(certified)).toMatchObject({ connector: "example" });
});

test("the packed package runs the whole demo", () => {
  const output = run(process.execPath, ["node_modules/patchbay/bin/patchbay.js", "demo", "--once", "--port", "0"]);
  expect(output).toContain("call_01HXYZ123456");
  expect(output).toContain("13 calls accepted");
  expect(output).toContain("0 dead letters");
});

const tooOld = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((place) => !place.includes("node_modules"))
  .map((place) => join(place, "node"))
  .find((path) => existsSync(path) && Number(/^v(\d+)/.exec(run(path, ["--version"]))?.[1]) < 26);

// Where the system's own Node is new enough there is nothing to refuse.
if (tooOld !== undefined) {
  test("on a Node that is too old the package says what to do", () => {
    const { status, stderr } = spawnSync(tooOld, ["node_modules/patchbay/bin/patchbay.js", "check"], { cwd: folder, encoding: "utf8" });
    expect(status).toBe(2);
    expect(stderr).toMatch(/needs Node 26 or newer; this is v\d+/);
  });
}
