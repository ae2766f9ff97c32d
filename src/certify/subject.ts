import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Connector } from "../connector.ts";
import { UsageError } from "../errors.ts";
import { closest } from "../lib/did-you-mean.ts";

/** Whom the kit looks at, and how another process finds it again. */
export interface Subject {
  connector: Connector;
  /** As it was named: `slack`, `./my-connector.ts`, `@acme/patchbay-zendesk`. */
  named: string;
  /** The folder that a path counts from, and that a package is looked for in. */
  cwd: string;
}

/** A connector of ours by its name, or a module's: its default export, or the only one that looks like a connector. @throws {UsageError} */
export async function loadSubject(options: { named: string; cwd: string }): Promise<Subject> {
  const { named, cwd } = options;
  const { connectors } = await import("../../connectors/index.ts");
  const ours = Object.hasOwn(connectors, named) ? connectors[named] : undefined;
  const connector = ours ?? connectorIn(await importModule({ named, cwd, known: Object.keys(connectors) }), named);
  return { connector, named, cwd };
}

async function importModule(options: { named: string; cwd: string; known: string[] }): Promise<Record<string, unknown>> {
  const { named, cwd, known } = options;
  const path = resolve(cwd, named);
  const isPath = /^[./~]|\.[cm]?[jt]s$|[\\/]/.test(named) && !named.startsWith("@");
  if (isPath && !existsSync(path)) throw new UsageError(`there is no file ${named}`, { hint: `It was looked for at ${path}.` });
  const address = isPath ? pathToFileURL(path).href : packageAddress(named, cwd);
  try {
    return await import(address);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND" && address === named;
    if (!isMissing)
      throw new UsageError(`${named} cannot be loaded: ${error instanceof Error ? error.message : "unknown"}`, { cause: error });
    const near = closest(named, known);
    throw new UsageError(`there is no connector "${named}", and no package of that name`, {
      hint: near === undefined ? `Ours are ${known.join(", ")}; a module of your own is ./my-connector.ts.` : `Did you mean "${near}"?`,
    });
  }
}

/** A package of the folder where the person stands; else one that is installed beside Patchbay. */
function packageAddress(named: string, cwd: string): string {
  try {
    return pathToFileURL(createRequire(join(cwd, "package.json")).resolve(named)).href;
  } catch {
    return named;
  }
}

function connectorIn(module: Record<string, unknown>, named: string): Connector {
  if (isConnector(module.default)) return module.default;
  const found = Object.values(module).filter(isConnector);
  if (found.length === 1 && found[0]) return found[0];
  throw new UsageError(found.length === 0 ? `${named} exports no connector` : `${named} exports ${found.length} connectors`, {
    hint: "Export it as default: export default defineConnector({ name, title, keeps, duplicates, settings, with, batch, open, sandbox }).",
  });
}

function isConnector(value: unknown): value is Connector {
  if (typeof value !== "object" || value === null) return false;
  const { name, open, sandbox, batch, settings } = value as Partial<Connector>;
  return typeof name === "string" && typeof open === "function" && typeof sandbox === "function" && Boolean(batch && settings);
}
