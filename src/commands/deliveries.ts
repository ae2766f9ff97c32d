import { type ExitCode, UsageError } from "../errors.ts";
import type { DeliveryRow, Person, Receipt } from "../ledger/ledger.ts";
import { formatDuration, formatTable } from "../lib/table.ts";
import { createDescribe } from "../model/describe.ts";
import { numbersOf } from "../repair/call-numbers.ts";
import { type CommonOptions, type Context, lookWithContext } from "./context.ts";
import { lookedRoutes } from "./looked-routes.ts";

export interface DeliveriesOptions extends CommonOptions {
  route?: string;
  state?: DeliveryRow["state"];
  unmatched?: boolean;
  limit: number;
}

/**
 * `patchbay deliveries [call_id] [--route id] [--state s | --unmatched] [--limit n] [--json]`: where calls are, and why.
 * Exit code 1 when a call_id is not known.
 */
export async function deliveriesCommand(callId: string | undefined, options: DeliveriesOptions): Promise<ExitCode> {
  const { route, state, unmatched, limit, json } = options;
  if (unmatched && state !== undefined && state !== "delivered")
    throw new UsageError(`a call that is ${state} is on nobody yet`, { hint: "--unmatched lists delivered calls: leave --state away." });
  return lookWithContext(options, async (context) => {
    const ledger = await context.ledger();
    const rows: Listed[] = await ledger.deliveries({ callId, route, state, unmatched, limit });
    if (unmatched) await addNumbers(rows, context);
    if (json) console.log(JSON.stringify(unmatched ? rows.map((row) => ({ ...row, why: unmatchedReason(row.receipt) })) : rows));
    else if (rows.length > 0) {
      console.log(formatDeliveries(rows, { withNumbers: unmatched === true }));
      if (unmatched) console.log("\nTo put one right: patchbay rematch <call> --to <id of the person's record>");
    } else if (unmatched) console.error("Every call found the one person it belongs to, or was put right.");
    else if (callId !== undefined)
      console.error(`No route has come to the call ${callId} yet. It may still be in the log (patchbay lag), or was never accepted.`);
    else console.error("No deliveries yet.");
    return rows.length === 0 && callId !== undefined && !unmatched ? 1 : 0;
  });
}

/** A row, with what one searches the CRM by: on a terminal and in `--json` only, never in a log line. */
interface Listed extends DeliveryRow {
  numbers?: string[];
  /** Why there is none. */
  numbersMissing?: string;
}

const MISSING = { gone: "gone from the log", withheld: "withheld" };

async function addNumbers(rows: Listed[], context: Context): Promise<void> {
  if (rows.length === 0) return;
  // Without a file that can be read nobody can tell the customer's side: both numbers are shown then.
  const looked = await lookedRoutes(context).catch(() => undefined);
  const describe = looked?.routes.describe ?? createDescribe({ ownNumbers: [], agents: [] });
  try {
    const log = await context.log();
    for (const row of rows) {
      const found = await numbersOf({ row, log, describe });
      if ("numbers" in found) row.numbers = found.numbers;
      else row.numbersMissing = MISSING[found.missing];
    }
  } catch (error) {
    // The rest of the list is worth having without them.
    console.error(`The numbers are not shown, since the log cannot be read: ${error instanceof Error ? error.message : "unknown"}`);
  }
}

/** Why a delivered call is on nobody, or perhaps on the wrong one; undefined where one person was found, or nobody was looked for. */
function unmatchedReason(receipt: Receipt | undefined): string | undefined {
  if (receipt?.found === undefined || receipt.found === 1) return undefined;
  const on = receipt.person ? `logged on ${personName(receipt.person)}` : "";
  if (receipt.extra?.side === "unknown") {
    const side = "which side is the customer is not known (own_numbers, or the agent's direction)";
    const who =
      receipt.found > 1 ? `${receipt.found} people have one of the numbers, ${on || "logged on nobody"}` : "nobody has either number";
    return `${who}; ${side}`;
  }
  if (receipt.found > 1) return `${receipt.found} people have the number, ${on || "logged on nobody"}`;
  return on === "" ? "nobody has the number" : `nobody had the number, ${on}`;
}

/** For people: the name, else `contact 101`. */
export const personName = ({ name, kind, id }: Person): string => name || `${kind} ${id}`;

function formatDeliveries(rows: Listed[], { withNumbers }: { withNumbers: boolean }): string {
  const nowMs = Date.now();
  return formatTable<Listed>({
    rows,
    columns: [
      { title: "CALL", cell: (row) => row.callId },
      { title: "SOURCE", cell: (row) => row.source },
      { title: "ROUTE", cell: (row) => row.route },
      { title: "STATE", cell: (row) => row.state },
      { title: "AGE", cell: (row) => formatDuration(Math.max(0, nowMs - row.updatedAt)), align: "right" },
      ...(withNumbers
        ? [{ title: "NUMBER", cell: ({ numbers, numbersMissing }: Listed) => numbers?.join(" or ") ?? numbersMissing ?? "?" }]
        : []),
      { title: "PERSON", cell: ({ receipt }) => (receipt?.person ? personName(receipt.person) : "") },
      { title: "RECEIPT", cell: (row) => row.receipt?.url ?? row.receipt?.id ?? "" },
      { title: "WHY", cell: whyOf },
    ],
  });

  function whyOf(row: DeliveryRow): string {
    const due = row.state === "waiting" && row.dueAt !== undefined ? `next try in ${formatDuration(Math.max(0, row.dueAt - nowMs))}; ` : "";
    const code = row.errorCode === undefined ? "" : `${row.errorCode}: `;
    const without =
      row.state === "delivered" && row.awaits !== undefined ? `went without ${row.awaits}, which is added when it has delivered` : "";
    const returned =
      row.returned === 0 || row.returnedAt === undefined
        ? undefined
        : `an earlier version came again ${row.returned === 1 ? "once" : `${row.returned} times`}, last ${formatDuration(Math.max(0, nowMs - row.returnedAt))} ago, and was left out`;
    const left = row.state === "delivered" ? row.receipt?.extra?.left_out : undefined;
    const said = [
      row.reason,
      returned,
      row.state === "delivered" ? unmatchedReason(row.receipt) : undefined,
      without || undefined,
      left === undefined ? undefined : `refused, and left out: ${left}`,
    ];
    const why = said.filter((one) => one !== undefined).join("; ");
    return why === "" && due === "" ? "" : `${due}${code}${why}`;
  }
}
