import { join } from "node:path";
import type { Connector } from "../connector/index.ts";
import { UsageError } from "../errors.ts";
import { closest } from "../lib/text/did-you-mean.ts";
import { importConnectors } from "../routes/plugins/connector-module.ts";

/** The connector under test, and how another process finds it again. */
export interface ConnectorUnderTest {
  connector: Connector;
  /** As it was named: `slack`, `./my-connector.ts`, `@acme/patchbay-zendesk`. */
  named: string;
  /** The folder that a path is relative to, and in which a package is looked for. */
  cwd: string;
}

/** A connector of ours by its name, or a module's default export. @throws {UsageError} */
export async function loadConnectorUnderTest(options: { named: string; cwd: string }): Promise<ConnectorUnderTest> {
  const { named, cwd } = options;
  const { connectors } = await import("../../connectors/index.ts");
  const ours = Object.hasOwn(connectors, named) ? connectors[named] : undefined;
  const connector = ours ?? (await importSubject({ named, cwd, known: Object.keys(connectors) }));
  return { connector, named, cwd };
}

/** As `connectors:` of a routes file in that folder would have it. */
async function importSubject(options: { named: string; cwd: string; known: string[] }): Promise<Connector> {
  const { named, cwd, known } = options;
  const isPath = /^[./~]|\.[cm]?[jt]s$|[\\/]/.test(named) && !named.startsWith("@");
  const specifier = isPath && !/^[./]/.test(named) ? `./${named}` : named;
  const found = await importConnectors({ specifier, routesFile: join(cwd, "routes.yaml") });
  if ("problem" in found) {
    if (isPath || !found.problem.startsWith("there is no package"))
      throw new UsageError(found.problem, found.hint ? { hint: found.hint } : {});
    const near = closest(named, known);
    throw new UsageError(`there is no connector "${named}", and no package of that name`, {
      hint: near === undefined ? `Ours are ${known.join(", ")}; a module of your own is ./my-connector.ts.` : `Did you mean "${near}"?`,
    });
  }
  const connectors = found.exported.filter(isConnector);
  if (connectors.length === 1 && connectors[0]) return connectors[0];
  throw new UsageError(connectors.length === 0 ? `${named} exports no connector` : `${named} exports ${connectors.length} connectors`, {
    hint: "Export one as default: export default defineConnector({ name, title, keeps, duplicates, settings, with, batch, open, sandbox }).",
  });
}

function isConnector(value: unknown): value is Connector {
  if (typeof value !== "object" || value === null) return false;
  const { name, open, sandbox, batch, settings } = value as Partial<Connector>;
  return typeof name === "string" && typeof open === "function" && typeof sandbox === "function" && Boolean(batch && settings);
}
