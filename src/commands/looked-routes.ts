import { RoutesFileError, UsageError } from "../errors.ts";
import { printable } from "../lib/text/printable.ts";
import { type LoadedRoutes, problemOf } from "../routes/index.ts";
import type { Context } from "./context.ts";
import { unknownRoute } from "./prompt.ts";

/** The routes that a command shows things by: the file's, or, where that cannot be used, the last good ones. */
export interface LookedRoutes {
  routes: LoadedRoutes;
  /** Why the file itself is not used: where, what. */
  routesProblem: string | undefined;
  /** Says `routesProblem`, in one line for people. */
  note: string | undefined;
  /** For what must not be done by an earlier file. @throws the file's mistakes, if it has any. */
  refuseEarlier(): void;
}

/**
 * For commands that look: a bad edit is what they should tell of, not what ends them. Without a good file in the ledger, or without the ledger,
 * it throws the file's mistakes.
 * @param options.before what the same command has used already, for a file that the ledger does not keep (it holds a secret).
 */
export async function lookedRoutes(context: Context, options: { before?: LoadedRoutes | undefined } = {}): Promise<LookedRoutes> {
  const role = { kind: "check-no-env" } as const;
  try {
    return { routes: await context.routes(role), routesProblem: undefined, note: undefined, refuseEarlier: () => undefined };
  } catch (error) {
    if (!options.before && !(error instanceof RoutesFileError) && !(error instanceof UsageError)) throw error;
    const kept = await (await context.ledger().catch(() => undefined))?.routesFile().catch(() => undefined);
    const routes = (kept && (await context.routes(role, kept).catch(() => undefined))) ?? options.before;
    if (!routes) throw error;
    const routesProblem = problemOf(error);
    const since = kept?.version === routes.version ? `, in use since ${new Date(kept.goodAt).toISOString()}` : "";
    return {
      routes,
      routesProblem,
      note: printable(`The routes file cannot be used: ${routesProblem}. What follows is by the last good one${since}.`),
      refuseEarlier() {
        throw error;
      },
    };
  }
}

/** What `--json` adds where the file cannot be used. */
export const problemField = ({ routesProblem }: LookedRoutes) => (routesProblem === undefined ? {} : { routesProblem });

/**
 * Refuses a `--route` for which nothing was found and which neither the file nor the ledger knows: an empty list would look like an answer.
 * Where the file cannot be read nothing is refused, since a route without deliveries stands in it alone.
 * @throws {UsageError} naming the route that was probably meant.
 */
export async function refuseUnknownRoute(options: {
  route: string | undefined;
  context: Context;
  looked?: LookedRoutes | undefined;
}): Promise<void> {
  const { route, context } = options;
  if (route === undefined) return;
  const looked = options.looked ?? (await lookedRoutes(context).catch(() => undefined));
  if (!looked) return;
  const known = [...looked.routes.routes.map(({ id }) => id), ...(await (await context.ledger()).knownRoutes())];
  if (!known.includes(route)) throw unknownRoute(route, known);
}
