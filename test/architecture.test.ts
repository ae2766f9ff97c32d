import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseSync } from "oxc-parser";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");

/** Imports point down only (docs/architecture.md). The first pattern that fits a file gives its layer. */
const LAYERS: { layer: number; files: RegExp }[] = [
  { layer: 7, files: /^src\/(cli\.ts|commands\/)/ },
  { layer: 6, files: /^src\/app\.ts$/ },
  { layer: 5, files: /^src\/(ingress|monitoring|operations|views|certify)\// },
  { layer: 4, files: /^(src\/(routes|log\/(sqlite|kafka)|ledger\/(sqlite|postgres)|delivery|sandbox)\/|connectors\/)/ },
  { layer: 3, files: /^src\/(connector\/|route\.ts|log\/|ledger\/)/ },
  { layer: 2, files: /^src\/model\// },
  { layer: 1, files: /^src\/(lib\/|errors\.ts)/ },
];

/** Longer than a function may be, by as many lines as they have now: none may grow, none may join them. */
const STILL_LONG = new Map([
  ["connectors/archive/engines/s3/store.ts openS3Store", 104],
  ["connectors/hubspot/calls/write-plain.ts createPlainCalls", 119],
  ["connectors/hubspot/sandbox/calls.ts createCalls", 160],
  ["connectors/hubspot/sandbox/people.ts createPeople", 106],
  ["connectors/salesforce/sandbox/index.ts createSandbox", 171],
  ["connectors/salesforce/sandbox/tasks.ts createTasks", 138],
  ["connectors/slack/sandbox/index.ts createSandbox", 122],
  ["connectors/warehouse/engines/parquet/store.ts openParquetStore", 135],
  ["src/connector/kit/people-search.ts createPeopleSearch", 119],
  ["src/log/kafka/assignment.ts createAssignment", 195],
  ["src/log/kafka/subscription.ts subscribe", 159],
]);

interface Import {
  from: string;
  to: string;
  /** `import type`: nothing of it is left at run time. */
  typeOnly: boolean;
}

const files = globSync(["src/**/*.ts", "connectors/**/*.ts"], { cwd: ROOT }).filter((file) => !file.includes(".test."));
const imports = files.flatMap((file) => importsOf(file));

/** Static imports and re-exports, and dynamic imports of literal paths; those of our own files only. */
function importsOf(file: string): Import[] {
  const source = readFileSync(join(ROOT, file), "utf8");
  const { module: found, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file} cannot be parsed: ${errors[0]?.message}`);
  const specifiers = [
    ...found.staticImports.map((one) => ({
      specifier: one.moduleRequest.value,
      typeOnly: one.entries.length > 0 && one.entries.every((entry) => entry.isType),
    })),
    ...found.staticExports.flatMap((one) =>
      one.entries.flatMap((entry) => (entry.moduleRequest ? [{ specifier: entry.moduleRequest.value, typeOnly: entry.isType }] : [])),
    ),
    ...found.dynamicImports.map((one) => ({
      specifier: source.slice(one.moduleRequest.start, one.moduleRequest.end).replace(/^["'`]|["'`]$/g, ""),
      typeOnly: false,
    })),
  ];
  return specifiers
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier, typeOnly }) => ({ from: file, to: relative(ROOT, resolve(ROOT, dirname(file), specifier)), typeOnly }));
}

function layerOf(file: string): number {
  return LAYERS.find(({ files: pattern }) => pattern.test(file))?.layer ?? Number.NaN;
}

function circlesOf(imports: Import[]): string[] {
  const next = Map.groupBy(imports, ({ from }) => from);
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: string[]): void => {
    if (way.includes(file)) {
      circles.push([...way.slice(way.indexOf(file)), file].join(" → "));
      return;
    }
    if (done.has(file)) return;
    for (const { to } of next.get(file) ?? []) visit(to, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return circles;
}

/** Named functions, methods and functions in variables. */
function functionsOf(file: string, source: string): { name: string; lines: number }[] {
  const lineOf = (offset: number) => source.slice(0, offset).split("\n").length;
  const found: { name: string; lines: number }[] = [];
  const look = (node: unknown, name: string): void => {
    if (Array.isArray(node)) for (const one of node) look(one, name);
    if (typeof node !== "object" || node === null || Array.isArray(node)) return;
    const { type, start, end, id, key } = node as {
      type?: string;
      start: number;
      end: number;
      id?: { name?: string };
      key?: { name?: string };
    };
    const inner = id?.name ?? key?.name ?? name;
    if (type === "FunctionDeclaration" || type === "FunctionExpression" || type === "ArrowFunctionExpression")
      found.push({ name: inner, lines: lineOf(end) - lineOf(start) + 1 });
    for (const child of Object.values(node)) look(child, inner);
  };
  look(parseSync(file, source).program.body, "a function");
  return found;
}

describe("the architecture", () => {
  test("every source file has a layer", () => {
    expect(files.length).toBeGreaterThan(30);
    expect(files.filter((file) => Number.isNaN(layerOf(file)))).toEqual([]);
  });

  test("arrows point down only", () => {
    const upwards = imports.filter(({ from, to }) => to.endsWith(".ts") && layerOf(to) > layerOf(from));
    expect(upwards).toEqual([]);
  });

  test("parts of layer 4 do not know each other", () => {
    const part = (file: string) => (file.startsWith("connectors/") ? file.split("/").slice(0, 2) : file.split("/").slice(0, 3)).join("/");
    const group = (file: string) => (/^src\/(routes|delivery|sandbox)\//.test(file) ? file.split("/").slice(0, 2).join("/") : part(file));
    const sideways = imports.filter(
      ({ from, to }) => layerOf(from) === 4 && layerOf(to) === 4 && group(from) !== group(to) && from !== "connectors/index.ts",
    );
    expect(sideways).toEqual([]);
  });

  test("a connector knows src/connector/index.ts, itself, and nothing else of ours", () => {
    const foreign = imports.filter(({ from, to }) => {
      if (!from.startsWith("connectors/") || from === "connectors/index.ts") return false;
      const folder = from.split("/").slice(0, 2).join("/");
      return to !== "src/connector/index.ts" && !to.startsWith(`${folder}/`);
    });
    expect(foreign).toEqual([]);
  });

  test("no file imports itself in a circle, with types neither", () => {
    expect(circlesOf(imports)).toEqual([]);
  });

  test("only src/log/kafka/driver imports kafkajs", () => {
    const found = globSync("src/**/*.ts", { cwd: ROOT }).filter((file) =>
      /["']kafkajs(\/[^"']*)?["']/.test(readFileSync(join(ROOT, file), "utf8")),
    );
    expect(found.filter((file) => !file.startsWith("src/log/kafka/driver/"))).toEqual([]);
  });

  test("no file is longer than 300 lines, no function longer than 100, none of src/delivery longer than 80", () => {
    const long = files.flatMap((file) => {
      const source = readFileSync(join(ROOT, file), "utf8");
      const limit = file.startsWith("src/delivery/") ? 80 : 100;
      const functions = functionsOf(file, source).filter(({ name, lines }) => lines > (STILL_LONG.get(`${file} ${name}`) ?? limit));
      const lines = source.split("\n").length;
      return [...functions.map((one) => `${file} ${one.name}: ${one.lines} lines`), ...(lines > 300 ? [`${file}: ${lines} lines`] : [])];
    });
    expect(long).toEqual([]);
  });

  test("only src/app.ts knows the engines", () => {
    const knowing = imports.filter(
      ({ from, to }) =>
        /^src\/(log|ledger)\/(sqlite|kafka|postgres)\//.test(to) && dirname(from) !== dirname(to) && !from.startsWith(dirname(to)),
    );
    expect(new Set(knowing.map(({ from }) => from).filter((from) => !/^src\/(log|ledger)\//.test(from)))).toEqual(new Set(["src/app.ts"]));
  });
});
