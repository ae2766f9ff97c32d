import { type ExitCode, UsageError } from "../errors.ts";
import type { DeliveryRow, Receipt } from "../ledger/ledger.ts";
import { printable } from "../lib/text/printable.ts";
import { typed } from "../lib/text/typed-command.ts";
import { systemClock } from "../lib/time/clock.ts";
import { chooseDelivery, rematchDelivery } from "../operations/rematch.ts";
import type { Route } from "../route.ts";
import { type CommonOptions, withContext } from "./context.ts";
import { personName } from "./deliveries-table.ts";
import { currentUser, declined, routeNamed } from "./prompt.ts";

export interface RematchOptions extends CommonOptions {
  to: string;
  route?: string;
  source?: string;
  yes?: boolean;
}

/** `patchbay rematch <call_id> --to <id>`: logs a delivered call on the person that somebody chose. Exit code 1 when it cannot be done. */
export async function rematchCommand(callId: string, options: RematchOptions): Promise<ExitCode> {
  const { to, route: named, source, json } = options;
  if (/^\+[\d ()-]{6,}$/.test(to))
    throw new UsageError("--to is a phone number", {
      hint: "Give the id of the person's record: it stands in the address of its page in the CRM.",
    });
  return withContext(options, async (context) => {
    const { routes: known, path } = await context.routes({ kind: "check-no-env" });
    if (named !== undefined) routeNamed(named, { routes: known, path });
    const ledger = await context.ledger();
    const found = await ledger.deliveries({ callId, route: named, limit: 1_000 });
    const rows = found.filter((row) => source === undefined || row.source === source);
    if (rows.length === 0) return unknown(callId, options);
    const row = chooseDelivery({ rows, routes: known, named: named !== undefined });
    if (row?.state !== "delivered") return notYet(callId, row ? [row] : rows);

    routeNamed(row.route, { routes: known, path, known: [row.route] });
    // Only now is it known whose credential is needed.
    const { routes, timezone } = await context.routes({ kind: "connector", connectors: [], routes: [row.route] });
    const route = routeNamed(row.route, { routes, path });
    if (!json) console.log(preview({ row, route, to }));
    const no = await declined(`Log it on ${to}?`, options);
    if (no !== undefined) return no;
    const done = await rematchDelivery({ row, route, to, timezone, by: currentUser(context.env), ledger, clock: systemClock });
    if ("refused" in done) {
      console.error(done.refused);
      return 1;
    }
    const { receipt } = done;
    if (json) console.log(JSON.stringify({ callId, source: row.source, route: route.id, receipt }));
    else console.log(`${callId} is logged on ${personText(receipt)} now; later versions of the call stay there.`);
    return 0;
  });
}

function personText({ person: on }: Receipt): string {
  if (!on) return "nobody";
  return printable(on.name ? `${on.name} (${on.kind} ${on.id})` : personName(on));
}

function preview({ row, route, to }: { row: DeliveryRow; route: Route; to: string }): string {
  const { callId, receipt } = row;
  const where = receipt?.url ?? receipt?.id ?? "";
  const now = receipt ? personText(receipt) : "nobody";
  return `${callId} on ${route.id}, at ${route.to.connector.title}: ${where}\n  logged on  ${now}\n  then on    ${to}`;
}

function unknown(callId: string, { route, source }: RematchOptions): ExitCode {
  const who = route === undefined ? "No route has" : `The route ${route} has not`;
  const of = source === undefined ? "" : ` of ${source}`;
  console.error(typed`${who} come to the call ${callId}${of} yet. It may still be in the log (patchbay lag), or was never accepted.`);
  return 1;
}

/** Nothing of it can be put right now: says how far each route is. */
function notYet(callId: string, rows: DeliveryRow[]): ExitCode {
  console.error(`There is nothing of the call ${callId} to put right yet:`);
  for (const { route, state, errorCode, reason } of rows) {
    const why = state === "delivered" ? "which logs calls on nobody" : [errorCode, reason].filter((one) => one !== undefined).join(": ");
    console.error(`  ${route}: ${state}${why === "" ? "" : `, ${why}`}`);
  }
  return 1;
}
