import type { ExitCode } from "../errors.ts";
import type { DeliveryRow } from "../ledger/ledger.ts";
import { formatDuration, formatTable } from "../lib/table.ts";
import { type CommonOptions, withContext } from "./context.ts";

/** `patchbay deliveries [call_id] [--route id] [--state s] [--limit n] [--json]`: where calls are, and why. Exit code 1 when a call_id is not known. */
export async function deliveriesCommand(
  callId: string | undefined,
  options: CommonOptions & { route?: string; state?: DeliveryRow["state"]; limit: number },
): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const ledger = await context.ledger();
    const rows = await ledger.deliveries({ callId, route: options.route, state: options.state, limit: options.limit });
    if (options.json) console.log(JSON.stringify(rows));
    else if (rows.length > 0) console.log(formatDeliveries(rows));
    else if (callId !== undefined)
      console.error(`No route has come to the call ${callId} yet. It may still be in the log (patchbay lag), or was never accepted.`);
    else console.error("No deliveries yet.");
    return rows.length === 0 && callId !== undefined ? 1 : 0;
  });
}

function formatDeliveries(rows: DeliveryRow[]): string {
  const nowMs = Date.now();
  return formatTable<DeliveryRow>({
    rows,
    columns: [
      { title: "CALL", cell: (row) => row.callId },
      { title: "SOURCE", cell: (row) => row.source },
      { title: "ROUTE", cell: (row) => row.route },
      { title: "STATE", cell: (row) => row.state },
      { title: "AGE", cell: (row) => formatDuration(Math.max(0, nowMs - row.updatedAt)), align: "right" },
      { title: "RECEIPT", cell: (row) => row.receipt?.url ?? row.receipt?.id ?? "" },
      { title: "WHY", cell: whyOf },
    ],
  });

  function whyOf(row: DeliveryRow): string {
    const due = row.state === "waiting" && row.dueAt !== undefined ? `next try in ${formatDuration(Math.max(0, row.dueAt - nowMs))}; ` : "";
    const code = row.errorCode === undefined ? "" : `${row.errorCode}: `;
    return row.reason === undefined && due === "" ? "" : `${due}${code}${row.reason ?? ""}`;
  }
}
