import { logMismatch } from "../delivery/process/log-binding.ts";
import { resolveStart } from "../delivery/route/start-position.ts";
import { RoutesFileError, UsageError } from "../errors.ts";
import type { Route } from "../route.ts";
import type { LoadedRoutes } from "../routes/index.ts";
import type { Context } from "./context.ts";

/**
 * Keeps where routes begin while their process waits for a variable: calls that come meanwhile are theirs too. `false`: the file has other mistakes,
 * or log and ledger do not belong together, so that nobody can tell yet.
 */
export async function keepStarts(options: { context: Context; select?: (loaded: LoadedRoutes) => Route[] }): Promise<boolean> {
  const { context, select = (loaded) => loaded.routes } = options;
  let routes: Route[];
  try {
    routes = select(await context.routes({ kind: "check-no-env" }));
  } catch (error) {
    if (error instanceof RoutesFileError || error instanceof UsageError) return false;
    throw error;
  }
  const [log, ledger] = [await context.log(), await context.ledger()];
  if ((await logMismatch({ log, ledger })) !== undefined) return false;
  for (const route of routes) await resolveStart({ route, log, ledger });
  return true;
}
