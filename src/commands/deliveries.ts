import { type ExitCode, UsageError } from "../errors.ts";
import type { DeliveryRow, Ledger } from "../ledger/ledger.ts";
import { typed } from "../lib/text/typed-command.ts";
import { createDescribe } from "../model/describe.ts";
import { numbersOf } from "../operations/call-numbers.ts";
import { problemOf } from "../routes/index.ts";
import { type CallStates, callStatesOfRows, readCallStates } from "../views/call-states.ts";
import { type CommonOptions, type Context, lookWithContext } from "./context.ts";
import { formatDeliveries, type Listed, unmatchedReason } from "./deliveries-table.ts";
import { type LookedRoutes, lookedRoutes, problemField, refuseUnknownRoute } from "./looked-routes.ts";
import { createProgress } from "./progress.ts";

export interface DeliveriesOptions extends CommonOptions {
  route?: string;
  state?: DeliveryRow["state"];
  unmatched?: boolean;
  limit: number;
}

/**
 * `patchbay deliveries [call_id] [--route id] [--state s | --unmatched] [--limit n] [--json]`: where calls are, and why. Of a call_id every
 * route of the file is shown; exit code 1 when neither log nor ledger knows it.
 */
export async function deliveriesCommand(callId: string | undefined, options: DeliveriesOptions): Promise<ExitCode> {
  const { state, unmatched, limit, json } = options;
  if (unmatched && state !== undefined && state !== "delivered")
    throw new UsageError(`a call that is ${state} is on nobody yet`, { hint: "--unmatched lists delivered calls: leave --state away." });
  return lookWithContext(options, async (context) => {
    const ledger = await context.ledger();
    const looked = await lookedRoutes(context).catch(problemOf);
    const found =
      callId !== undefined && !unmatched
        ? await everywhere({ callId, options, context, ledger, looked })
        : await listed({ callId, options, ledger, looked });
    const rows: Listed[] = found.slice(0, limit);
    if (rows.length === 0 && typeof looked !== "string") await refuseUnknownRoute({ route: options.route, context, looked });
    if (unmatched) await addNumbers(rows, context, looked);
    const note = typeof looked === "string" ? undefined : looked.note;
    if (json) console.log(JSON.stringify(rows.map((row) => asJson(row, { unmatched, looked }))));
    else if (rows.length > 0) {
      if (note !== undefined) console.log(`${note}\n`);
      console.log(formatDeliveries(rows, { withNumbers: unmatched === true, nowMs: Date.now() }));
      if (unmatched) console.log(typed`\nTo put one right: patchbay rematch <call> --to <id of the person's record>`);
    } else sayNothingFound(callId, { unmatched: unmatched === true });
    if (found.length > limit) console.error(`The newest ${limit} are shown, and there are more: --limit ${limit * 4} shows more of them.`);
    return rows.length === 0 && callId !== undefined && !unmatched ? 1 : 0;
  });
}

/** Why the file is not known, or the routes to look by. */
type MaybeLooked = LookedRoutes | string;

const routesOf = (looked: MaybeLooked) => (typeof looked === "string" ? undefined : looked.routes.routes);

/** What the ledger has; one more than `limit` where there are more. */
async function listed(options: {
  callId: string | undefined;
  options: DeliveriesOptions;
  ledger: Ledger;
  looked: MaybeLooked;
}): Promise<CallStates[]> {
  const { callId, ledger, looked } = options;
  const { route, state, unmatched, limit } = options.options;
  // A delivery that was begun waits as long as its route does not progress.
  const states = state === "waiting" ? (["waiting", "sending"] as const) : [state];
  const most = limit + 1 + (state === "sending" ? MAX_SENDING : 0);
  const rows = await Promise.all(states.map((one) => ledger.deliveries({ callId, route, state: one, unmatched, limit: most })));
  const sorted = rows.flat().sort((a, b) => b.updatedAt - a.updatedAt);
  const found = await callStatesOfRows({ rows: sorted, routes: routesOf(looked), ledger });
  return found.filter((one) => state === undefined || one.state === state);
}

/** Calls on their way are few: a process holds so many at most. */
const MAX_SENDING = 1_000;

/** One call on every route. Where log or file cannot be read, what the ledger has, and a line that says so. */
async function everywhere(options: {
  callId: string;
  options: DeliveriesOptions;
  context: Context;
  ledger: Ledger;
  looked: MaybeLooked;
}): Promise<CallStates[]> {
  const { callId, context, ledger, looked } = options;
  const { route, state, json } = options.options;
  const progress = createProgress({ enabled: !json });
  const onProgress = (records: number) => progress.show(`${records} records read`);
  try {
    if (typeof looked === "string") throw new Error(looked);
    const log = await context.log();
    const { found } = await readCallStates({ callId, routes: looked.routes.routes, log, ledger, onProgress });
    return found.filter((one) => (route === undefined || one.route === route) && (state === undefined || one.state === state));
  } catch (error) {
    progress.clear();
    const why = error instanceof Error ? error.message : "unknown";
    console.error(`Routes that have not come to the call are not shown, since what they read cannot be looked at: ${why}`);
    return listed(options);
  } finally {
    progress.clear();
  }
}

/** The ledger's row, where there is one, and over it where the call is now. */
function asJson({ row, ...listed }: Listed, options: { unmatched: boolean | undefined; looked: MaybeLooked }): Record<string, unknown> {
  const { unmatched, looked } = options;
  // The row is of the version before, where the route has not come to this one.
  const ofLedger = listed.before === undefined ? row : row && { earlier: row };
  return {
    ...ofLedger,
    ...listed,
    ...(unmatched ? { why: unmatchedReason(row?.receipt) } : {}),
    ...(typeof looked === "string" ? {} : problemField(looked)),
  };
}

function sayNothingFound(callId: string | undefined, { unmatched }: { unmatched: boolean }): void {
  if (unmatched) console.error("Every call found the one person it belongs to, or was put right.");
  else if (callId !== undefined)
    console.error(
      `The call ${callId} is not known: no route has a delivery of it, and it is not among the records that routes have still to read.`,
    );
  else console.error("No deliveries yet.");
}

const MISSING = { gone: "gone from the log", withheld: "withheld" };

async function addNumbers(rows: Listed[], context: Context, looked: MaybeLooked): Promise<void> {
  if (rows.length === 0) return;
  // Without a file that can be read nobody can tell the customer's side: both numbers are shown then.
  const describe = typeof looked === "string" ? createDescribe({ ownNumbers: [], agents: [] }) : looked.routes.describe;
  try {
    const log = await context.log();
    for (const one of rows) {
      if (!one.row) continue;
      const found = await numbersOf({ row: one.row, log, describe });
      if ("numbers" in found) one.numbers = found.numbers;
      else one.numbersMissing = MISSING[found.missing];
    }
  } catch (error) {
    // The rest of the list is worth having without them.
    console.error(`The numbers are not shown, since the log cannot be read: ${error instanceof Error ? error.message : "unknown"}`);
  }
}
