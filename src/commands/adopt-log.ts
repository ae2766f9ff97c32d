import { logMismatch } from "../delivery/process/log-binding.ts";
import type { ExitCode } from "../errors.ts";
import { asTyped } from "../lib/text/typed-command.ts";
import { adoptLog, planAdoption } from "../operations/adopt-log.ts";
import { type CommonOptions, withContext } from "./context.ts";
import { currentUser, declined } from "./prompt.ts";

/** `patchbay adopt-log [--yes] [--json]`: the ledger takes the log as it is now for its own, after the log was lost or put back from an older copy. */
export async function adoptLogCommand(options: CommonOptions & { yes?: boolean }): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const [log, ledger] = [await context.log(), await context.ledger()];
    const mismatch = await logMismatch({ log, ledger });
    if (mismatch === undefined) {
      console.error(`The ledger ${ledger.name} and the log ${log.name} belong together: there is nothing to adopt.`);
      return 0;
    }
    const adoption = await planAdoption({ log, ledger });
    const { routes, calls } = adoption;
    if (!options.json) {
      console.log(asTyped(`${mismatch[0]?.toUpperCase()}${mismatch.slice(1)}.`));
      console.log(
        `From now on the ledger belongs to the log as it is. ${routes.length === 1 ? "One route reads" : `${routes.length} routes read`} the ${calls} calls in it from the oldest on; what the ledger knows as delivered is not sent twice.`,
      );
      console.log(
        "Calls that only the lost part of the log had are not in it: what had come to an end on a route stays recorded, the rest is gone.",
      );
    }
    const no = await declined("Adopt the log?", options);
    if (no !== undefined) return no;
    await adoptLog({ adoption, log, ledger, by: currentUser(context.env) });
    if (options.json) console.log(JSON.stringify({ adopted: log.name, routes, calls }));
    else console.log("Adopted. Start the connectors again.");
    return 0;
  });
}
