import { pauseCause } from "../delivery/route/route-state.ts";
import type { ExitCode } from "../errors.ts";
import { UsageError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { asTyped, typed } from "../lib/text/typed-command.ts";
import { type CommonOptions, type Context, withContext } from "./context.ts";
import { type LookedRoutes, lookedRoutes, problemField } from "./looked-routes.ts";
import { currentUser, declined, pointInTime, unknownRoute } from "./prompt.ts";
import { unreadOf } from "./unread.ts";

export interface PauseOptions extends CommonOptions {
  reason?: string;
  from?: string;
  skip?: boolean;
  yes?: boolean;
}

/** `patchbay pause <route> --reason <text>`: nothing is sent any more, lag grows, nothing is lost. */
export async function pauseCommand(route: string, options: PauseOptions): Promise<ExitCode> {
  return withRoute(route, options, async (ledger, { env }, looked) => {
    const reason = options.reason ?? "no reason given";
    const by = currentUser(env);
    const changed = await ledger.pause({ route, kind: "person", reason, by });
    const pause = (await ledger.controls()).routes.find((one) => one.route === route)?.pause;
    // The ledger keeps the first reason with the route; what a second person says must not be lost.
    if (!changed && options.reason !== undefined) await ledger.note({ by, route, action: "pause", detail: `paused already; ${reason}` });
    if (options.json) console.log(JSON.stringify({ route, changed, pause, ...problemField(looked) }));
    else if (changed) console.log(typed`${route} is paused; its workers stop within two seconds. patchbay resume ${route} ends it.`);
    else {
      console.log(asTyped(`${route} is paused already: ${pause ? pauseCause(pause, route) : ""}`));
      if (options.reason !== undefined) console.log(typed`Your reason is kept with the actions (patchbay actions --route ${route}).`);
    }
    return 0;
  });
}

/** `patchbay resume <route>`: all that gathered, or `--from <time>`, or `--skip`; what is left out is skipped with the reason. */
export async function resumeCommand(route: string, options: PauseOptions): Promise<ExitCode> {
  const { from, skip, reason } = options;
  if (from !== undefined && skip) throw new UsageError("--from and --skip are two ways to leave calls out", { hint: "Give one of them." });
  const leavesOut = from !== undefined || skip === true;
  if (leavesOut && (reason === undefined || reason.trim() === ""))
    throw new UsageError("why are calls left out?", { hint: 'Say it with --reason "…": it is kept beside each of them.' });
  const before = from === undefined ? undefined : pointInTime("--from", from, Date.now());
  return withRoute(route, options, async (ledger, context, looked) => {
    if (leavesOut) {
      const { sentence, question } = await describeSkip({ route, context, ledger, from, before });
      if (!options.json) console.log(sentence);
      const no = await declined(question, options);
      if (no !== undefined) return no;
    }
    const by = currentUser(context.env);
    const changed = await ledger.resume({
      route,
      by,
      ...(leavesOut ? { skipBefore: { before, reason: `skipped by ${by}: ${reason}` } } : {}),
    });
    // Who leaves out all that gathered leaves out what cannot be read, too.
    if (skip) await ledger.acceptLost({ route, by, reason: reason ?? "" });
    if (options.json) console.log(JSON.stringify({ route, changed, skipped: leavesOut, ...problemField(looked) }));
    else if (!changed && !leavesOut) console.log(`${route} was not paused.`);
    else
      console.log(
        `${route} goes on${leavesOut ? `; calls accepted before ${from ?? "now"} are skipped` : " with everything that gathered"}.`,
      );
    return 0;
  });
}

/** What a skip would leave out, counted: what the route has not read, and what of it waits. */
async function describeSkip(options: {
  route: string;
  context: Context;
  ledger: Ledger;
  from: string | undefined;
  before: number | undefined;
}): Promise<{ sentence: string; question: string }> {
  const { route, context, ledger, from, before } = options;
  const waiting = (await ledger.counts()).find((one) => one.route === route)?.waiting ?? 0;
  const waits = waiting === 0 ? "" : ` ${waiting} of its deliveries wait; those accepted before ${from ?? "now"} are left out too.`;
  try {
    const unread = await unreadOf({ route, log: await context.log(), ledger, beforeMs: before });
    const records = `${unread} ${unread === 1 ? "record" : "records"}`;
    const when = from === undefined ? "" : ` accepted before ${from}`;
    return { sentence: `${route} has not read ${records} of the log${when}.${waits}`, question: `Skip ${records} on ${route}?` };
  } catch (error) {
    const why = error instanceof Error ? error.message : "unknown";
    return { sentence: `How many calls ${route} has not read is not known: ${why}.${waits}`, question: `Skip all of them on ${route}?` };
  }
}

/** `patchbay retire <route>`: removes what is left of a route that is no longer in the file. */
export async function retireCommand(route: string, options: PauseOptions): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const looked = await lookedRoutes(context);
    const { routes, path } = looked.routes;
    if (!options.json && looked.note !== undefined) console.log(looked.note);
    if (routes.some(({ id }) => id === route)) {
      const file = looked.note === undefined ? path : `the last good ${path}, which workers go on with`;
      throw new UsageError(`the route "${route}" is still in ${file}`, { hint: "Take it out of the file first; then retire it." });
    }
    const ledger = await context.ledger();
    const known = await ledger.knownRoutes();
    if (!known.includes(route)) throw unknownRoute(route, known);
    const counts = (await ledger.counts()).find((one) => one.route === route);
    const { delivered = 0, skipped = 0, waiting = 0, sending = 0, dead = 0 } = counts ?? {};
    const unread = await unreadOf({ route, log: await context.log(), ledger });
    if (!options.json) {
      const rows = `${delivered} delivered, ${skipped} skipped, ${waiting + sending} waiting, ${dead} dead`;
      console.log(`${route}: ${rows}. All of it is removed from the ledger.`);
      if (unread > 0)
        console.log(
          `The log holds ${unread} ${unread === 1 ? "record" : "records"} that it has not done with: it will never deliver them.`,
        );
    }
    const no = await declined(`Retire ${route}?`, options);
    if (no !== undefined) return no;
    const removed = await ledger.retireRoute({ route, by: currentUser(context.env) });
    if (options.json) console.log(JSON.stringify({ route, removed, unread, ...problemField(looked) }));
    else console.log(`${route} is retired: ${removed} rows removed. A route of this id would start as a new one.`);
    return 0;
  });
}

/** @throws {UsageError} for a route that neither the file nor the ledger knows. */
export async function withRoute(
  route: string,
  options: CommonOptions,
  run: (ledger: Ledger, context: Context, looked: LookedRoutes) => Promise<ExitCode>,
): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const looked = await lookedRoutes(context);
    if (!options.json && looked.note !== undefined) console.log(looked.note);
    const ledger = await context.ledger();
    const known = [...looked.routes.routes.map(({ id }) => id), ...(await ledger.knownRoutes())];
    if (!known.includes(route)) throw unknownRoute(route, known);
    return run(ledger, context, looked);
  });
}
