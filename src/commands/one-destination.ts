import { UsageError } from "../errors.ts";
import { closest } from "../lib/text/did-you-mean.ts";
import type { Destination, Route } from "../route.ts";
import type { LoadedRoutes } from "../routes/index.ts";
import type { Context } from "./context.ts";

/** One destination of routes.yaml, with the routes that lead to it. */
export interface OneDestination {
  destination: Destination;
  /** In the file's order. */
  routes: Route[];
  loaded: LoadedRoutes;
}

/**
 * The destination called `name`, or the only one whose connector is called so. Only its variables are asked for, so that a channel can be repaired without a CRM token.
 * @throws {UsageError} naming what there is, {RoutesFileError} for any mistake of the file, and for variables that are not set.
 */
export async function oneDestination(options: { name: string; context: Context }): Promise<OneDestination> {
  const { name, context } = options;
  const file = await context.routes({ kind: "check-no-env" });
  const found = named(name, file);
  const ids = file.routes.filter(({ to }) => to.name === found.name).map(({ id }) => id);
  const loaded = await context.routes({ kind: "connector", connectors: [], routes: ids });
  const destination = loaded.destinations.find((one) => one.name === found.name);
  if (!destination)
    throw new UsageError(`there is no destination "${found.name}" any more`, { hint: "The routes file was edited meanwhile." });
  // Of a destination without routes nobody has asked for them yet.
  destination.settings();
  return { destination, routes: loaded.routes.filter(({ id }) => ids.includes(id)), loaded };
}

function named(name: string, { destinations, path }: LoadedRoutes): Destination {
  const own = destinations.find((one) => one.name === name);
  if (own) return own;
  const [only, ...more] = destinations.filter(({ connector }) => connector.name === name);
  if (only && more.length === 0) return only;
  const names = destinations.map((one) => one.name);
  if (only) {
    throw new UsageError(`which of them? ${path} has ${more.length + 1} destinations of the connector ${name}`, {
      hint: `Name one: ${[only, ...more].map((one) => one.name).join(", ")}.`,
    });
  }
  const near = closest(name, names);
  throw new UsageError(`there is no destination "${name}" in ${path}`, {
    hint: near === undefined ? `There is: ${names.join(", ") || "none yet"}.` : `Did you mean "${near}"?`,
  });
}
