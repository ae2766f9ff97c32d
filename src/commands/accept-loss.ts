import type { ExitCode } from "../errors.ts";
import { UsageError } from "../errors.ts";
import { covered, formatRanges } from "../lib/text/ranges.ts";
import type { CommonOptions } from "./context.ts";
import { withRoute } from "./pause.ts";
import { currentUser } from "./prompt.ts";

/** `patchbay accept-loss <route> --reason <text>`: calls that the route will never read are known of, so that `audit` is whole again. */
export async function acceptLossCommand(route: string, options: CommonOptions & { reason?: string }): Promise<ExitCode> {
  const { reason = "" } = options;
  if (reason.trim() === "")
    throw new UsageError("why may these calls be missing?", { hint: 'Say it with --reason "…": patchbay actions keeps it.' });
  return withRoute(route, options, async (ledger, { env }) => {
    const accepted = await ledger.acceptLost({ route, by: currentUser(env), reason });
    const calls = covered(accepted);
    if (options.json) console.log(JSON.stringify({ route, calls, accepted }));
    else if (calls === 0)
      console.error(`${route} has noted no loss that is still open. What lies ahead of it is noted when it gets there.`);
    else console.log(`${route}: ${calls} ${calls === 1 ? "call is" : "calls are"} accepted as lost (${formatRanges(accepted)}).`);
    return 0;
  });
}
