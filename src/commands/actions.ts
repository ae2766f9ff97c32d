import type { ExitCode } from "../errors.ts";
import type { Action } from "../ledger/controls.ts";
import { formatTable } from "../lib/table.ts";
import { type CommonOptions, lookWithContext } from "./context.ts";

/** `patchbay actions [--route id] [--limit n] [--json]`: who paused, resumed, replayed, discarded, retired and forgot what, newest first. */
export async function actionsCommand(options: CommonOptions & { route?: string; limit: number }): Promise<ExitCode> {
  return lookWithContext(options, async (context) => {
    const { route, limit } = options;
    const ledger = await context.ledger();
    const actions = await ledger.actions({ limit, ...(route === undefined ? {} : { route }) });
    if (options.json) console.log(JSON.stringify(actions));
    else if (actions.length === 0)
      console.error(route === undefined ? "Nobody has done anything yet." : `Nobody has done anything to ${route} yet.`);
    else console.log(formatActions(actions));
    return 0;
  });
}

function formatActions(rows: Action[]): string {
  return formatTable<Action>({
    rows,
    columns: [
      { title: "WHEN", cell: ({ at }) => new Date(at).toISOString() },
      { title: "WHO", cell: ({ by }) => by },
      { title: "DID", cell: ({ action }) => action },
      { title: "ROUTE", cell: ({ route }) => route },
      { title: "WHY OR WHAT", cell: ({ detail }) => detail },
    ],
  });
}
