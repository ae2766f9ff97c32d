import type { ExitCode } from "../errors.ts";
import type { Action } from "../ledger/actions.ts";
import { formatTable } from "../lib/text/table.ts";
import { type ActionsReport, verifyActions } from "../operations/verify-actions.ts";
import { type CommonOptions, lookWithContext } from "./context.ts";
import { refuseUnknownRoute } from "./looked-routes.ts";

export interface ActionsOptions extends CommonOptions {
  route?: string;
  limit: number;
  verify?: boolean;
  against?: string;
}

/**
 * `patchbay actions [--route id] [--limit n] [--json]`: who did what and why, newest first. `--verify [--against <seal>]`: whether any was
 * changed or taken out since; exit code 1 then.
 */
export async function actionsCommand(options: ActionsOptions): Promise<ExitCode> {
  return lookWithContext(options, async (context) => {
    const { route, limit, verify, against } = options;
    const ledger = await context.ledger();
    if (verify || against !== undefined) {
      const report = await verifyActions({ ledger, against });
      if (options.json) console.log(JSON.stringify(report));
      else console.log(describeActionsReport(report));
      return report.faults.length === 0 ? 0 : 1;
    }
    const actions = await ledger.actions({ limit, ...(route === undefined ? {} : { route }) });
    if (actions.length === 0) await refuseUnknownRoute({ route, context });
    if (options.json) console.log(JSON.stringify(actions));
    else if (actions.length === 0)
      console.error(route === undefined ? "Nobody has done anything yet." : `Nobody has done anything to ${route} yet.`);
    else console.log(formatActions(actions));
    return 0;
  });
}

export function describeActionsReport({ count, head, faults }: ActionsReport): string {
  if (faults.length > 0) return `The actions are NOT as they were noted:\n${faults.map((fault) => `  ${fault}`).join("\n")}`;
  if (count === 0) return "Nobody has done anything yet.";
  return `${count} ${count === 1 ? "action is as it was" : "actions are as they were"} noted. The newest has the seal ${head}: kept elsewhere, it proves that later (--against ${head}).`;
}

function formatActions(rows: Action[]): string {
  return formatTable<Action>({
    rows,
    columns: [
      { title: "WHEN", cell: ({ at }) => new Date(at).toISOString() },
      { title: "WHO", cell: ({ by }) => by },
      { title: "SYSTEM USER", cell: ({ system }) => system, narrow: 1 },
      { title: "DID", cell: ({ action }) => action },
      { title: "ROUTE", cell: ({ route }) => route },
      { title: "WHY OR WHAT", cell: ({ detail }) => detail, narrow: "below" },
    ],
  });
}
