import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire, findPackageJSON, registerHooks } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

type Missing = { problem: string; hint?: string };

/** What a module of somebody else's exports as its default, as a list. Not checked yet. */
export async function importConnectors(options: { specifier: string; routesFile: string }): Promise<{ exported: unknown[] } | Missing> {
  const { specifier } = options;
  const place = isPath(specifier) ? ofFile(options) : ofPackage(options);
  if ("problem" in place) return place;
  leadContractToUs();
  let module: { default?: unknown };
  try {
    module = await import(place.url);
  } catch (error) {
    return { problem: `${specifier} cannot be loaded: ${reasonOf(error)}` };
  }
  const exported = module.default;
  if (exported === undefined || (Array.isArray(exported) && exported.length === 0)) {
    return { problem: `there is no connector in ${specifier}`, hint: "Its default export must be a connector, or a list of them." };
  }
  return { exported: Array.isArray(exported) ? exported : [exported] };
}

function isPath(specifier: string): boolean {
  return /^(\.{0,2}\/|[a-z]:[\\/]|file:)/i.test(specifier);
}

function ofFile(options: { specifier: string; routesFile: string }): { url: string } | Missing {
  const { specifier, routesFile } = options;
  const path = pathOf(specifier, dirname(routesFile));
  if (path === undefined) {
    return { problem: `${specifier} is no file of this machine`, hint: "Name it from the routes file's folder, such as ./connector.ts." };
  }
  if (!existsSync(path)) return { problem: `there is no file ${specifier}`, hint: `It is looked for beside the routes file: ${path}.` };
  if (statSync(path).isDirectory())
    return { problem: `${specifier} is a folder`, hint: `Name the module in it, such as ${specifier.replace(/\/*$/, "")}/index.ts.` };
  return { url: pathToFileURL(path).href };
}

/** Of an address with a host, or with what no path has, there is none. */
function pathOf(specifier: string, folder: string): string | undefined {
  if (!/^file:/i.test(specifier)) return resolve(folder, specifier);
  try {
    return fileURLToPath(specifier);
  } catch {
    return undefined;
  }
}

/** From the folder of the routes file, then from ours. */
function ofPackage(options: { specifier: string; routesFile: string }): { url: string } | Missing {
  const { specifier, routesFile } = options;
  for (const base of [pathToFileURL(resolve(routesFile)).href, import.meta.url]) {
    const entry = packageEntry(specifier, base);
    if (entry !== undefined) return entry;
  }
  return {
    problem: `there is no package "${specifier}"`,
    hint: `Install it beside the routes file: npm install ${specifier}. A file's name begins with ./`,
  };
}

function packageEntry(specifier: string, base: string): { url: string } | Missing | undefined {
  try {
    return { url: pathToFileURL(createRequire(base).resolve(specifier)).href };
  } catch {
    // What follows finds packages that are for `import` alone.
  }
  const manifest = manifestOf(specifier, base);
  if (manifest === undefined) return undefined;
  const read = manifest === BROKEN ? undefined : jsonOf(manifest);
  if (!isGroup(read)) return { problem: `the package.json of "${specifier}" cannot be read`, hint: "Install the package again." };
  const { exports } = read;
  const subpath = `.${specifier
    .split("/")
    .slice(specifier.startsWith("@") ? 2 : 1)
    .map((part) => `/${part}`)
    .join("")}`;
  const target = importTarget(isGroup(exports) && subpath in exports ? exports[subpath] : exports);
  const path = target === undefined ? undefined : resolve(dirname(manifest), target);
  return path !== undefined && existsSync(path) ? { url: pathToFileURL(path).href } : undefined;
}

/** Node reads a package.json on its way to it. */
const BROKEN = "";

function manifestOf(specifier: string, base: string): string | undefined {
  try {
    return findPackageJSON(specifier, base);
  } catch (error) {
    return (error as { code?: unknown }).code === "ERR_INVALID_PACKAGE_CONFIG" ? BROKEN : undefined;
  }
}

function jsonOf(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function importTarget(target: unknown): string | undefined {
  if (typeof target === "string") return target;
  if (!isGroup(target)) return undefined;
  const [, chosen] = Object.entries(target).find(([condition]) => ["import", "node", "default"].includes(condition)) ?? [];
  return importTarget(chosen);
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** In one line. Type stripping ends at node_modules, so that a package must be compiled. */
function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING")
    return "Node runs no TypeScript below node_modules; the package must hold JavaScript";
  const [line = ""] = String(message ?? error).split("\n");
  return error instanceof Error && error.name !== "Error" ? `${error.name}: ${line}` : line;
}

let led = false;

/**
 * `patchbay/connector` means the copy that runs, wherever the module lies and whatever is installed there: of another copy, a `Secret` would
 * not be known as a secret here, nor an `OpenError` as one.
 */
function leadContractToUs(): void {
  if (led) return;
  led = true;
  const contract = new URL(import.meta.url.endsWith(".ts") ? "../../connector/index.ts" : "../../connector/index.js", import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "patchbay/connector" ? { url: contract, shortCircuit: true } : next(specifier, context),
  });
}
