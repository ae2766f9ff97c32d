import type { ExitCode } from "../errors.ts";
import type { LostRange } from "../ledger/losses.ts";
import { clearScreen, readerIsGone } from "../lib/process/output.ts";
import { printable } from "../lib/text/printable.ts";
import { covered, formatRanges } from "../lib/text/ranges.ts";
import { formatTable, terminalWidth } from "../lib/text/table.ts";
import { asTyped, typed } from "../lib/text/typed-command.ts";
import { wrap } from "../lib/text/wrap.ts";
import { systemClock } from "../lib/time/clock.ts";
import { formatShortDuration } from "../lib/time/duration.ts";
import { type LagReport, type RouteLag, readLag } from "../views/lag.ts";
import { type CommonOptions, type Context, createContext } from "./context.ts";
import { type LookedRoutes, lookedRoutes, problemField } from "./looked-routes.ts";

const WATCH_EVERY_MS = 1_000;

/** `patchbay lag [--watch] [--json]`: how far each route is behind, and why. Exit code 3 when the ledger is away: half of it is unknown then. */
export async function lagCommand(options: CommonOptions & { watch?: boolean }): Promise<ExitCode> {
  const context = createContext({ ...options, access: options.watch ? "watch" : "look" });
  try {
    const looked = await lookedRoutes(context);
    const report = await reportOf(context, looked);
    if (options.watch && !options.json) clearScreen();
    show(report, looked, options);
    if (options.watch) await watch(context, looked, options);
    return report.ledgerAway === undefined || options.watch ? 0 : 3;
  } finally {
    await context.close();
  }
}

/** Until Ctrl-C, or until nobody reads it any more (`| head`). An outage of the log and a bad edit are what one watches: they do not end it. */
async function watch(context: Context, first: LookedRoutes, options: { json?: boolean }): Promise<void> {
  let looked = first;
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  for (;;) {
    await systemClock.sleep(WATCH_EVERY_MS, stopping.signal);
    if (stopping.signal.aborted || readerIsGone()) return;
    looked = await lookedRoutes(context, { before: looked.routes });
    const report = await reportOf(context, looked).catch((error: Error) => ({ logAway: error.message }));
    if (!options.json) clearScreen();
    show(report, looked, options);
  }
}

function show(report: LagReport | { logAway: string }, looked: LookedRoutes, { json }: { json?: boolean }): void {
  if (json) {
    console.log(JSON.stringify({ ...report, ...("routes" in report ? { routes: shownLags(report) } : {}), ...problemField(looked) }));
    return;
  }
  if (looked.note !== undefined) console.log(`${looked.note}\n`);
  console.log("logAway" in report ? `The log is away: ${printable(report.logAway)}` : formatLag(report));
}

async function reportOf(context: Context, { routes: { routes } }: LookedRoutes): Promise<LagReport> {
  const log = await context.log();
  const ledger = await context.ledger().catch((error: Error) => ({ away: error.message }));
  return readLag({ routes, log, ledger, nowMs: Date.now() });
}

/** Null: it is not known while the ledger is away. */
type ShownLag = Omit<RouteLag, LedgerFigure | "lag"> & Record<LedgerFigure | "lag", number | null>;
type LedgerFigure = keyof typeof UNKNOWN;
const UNKNOWN = { endedPerSecond: null, inFlight: null, waiting: null, dead: null, replicas: null };

/** A route that has not committed yet begins where the ledger says: its lag is not known without it. */
function shownLags({ routes, ledgerAway }: LagReport): ShownLag[] {
  if (ledgerAway === undefined) return routes;
  return routes.map((row) => {
    const begun = row.partitions.every(({ committed }) => committed !== undefined);
    return { ...row, ...UNKNOWN, ...(begun ? {} : { lag: null, oldestAgeMs: undefined, timeToEmptyMs: undefined }) };
  });
}

const orUnknown = (figure: number | null, decimals = 0) => (figure === null ? "?" : figure.toFixed(decimals));

export function formatLag(report: LagReport): string {
  const unknownCause = report.ledgerAway === undefined ? "" : "?";
  const table = formatTable<ShownLag>({
    rows: shownLags(report),
    columns: [
      { title: "ROUTE", cell: (row) => row.route },
      {
        title: "TO",
        cell: (row) => (row.destination === row.connector ? row.connector : `${row.destination} (${row.connector})`),
        narrow: 1,
      },
      { title: "LAG", cell: (row) => orUnknown(row.lag), align: "right" },
      {
        title: "OLDEST",
        cell: (row) => (row.oldestAgeMs === undefined ? "?" : row.lag === 0 ? "-" : formatShortDuration(row.oldestAgeMs)),
        align: "right",
      },
      { title: "RATE/S", cell: (row) => orUnknown(row.endedPerSecond, 1), align: "right" },
      {
        title: "EMPTY IN",
        cell: (row) => (row.lag === 0 ? "-" : row.timeToEmptyMs === undefined ? "?" : formatShortDuration(row.timeToEmptyMs)),
        align: "right",
        narrow: 2,
      },
      { title: "IN FLIGHT", cell: (row) => orUnknown(row.inFlight), align: "right", narrow: 4 },
      { title: "WAITING", cell: (row) => orUnknown(row.waiting), align: "right" },
      { title: "DEAD", cell: (row) => orUnknown(row.dead), align: "right" },
      { title: "REPLICAS", cell: (row) => orUnknown(row.replicas), align: "right", narrow: 3 },
      { title: "CAUSE", cell: (row) => asTyped(row.cause ?? unknownCause), narrow: "below", colour: "yellow" },
    ],
  });
  const { agents, sides } = report.unknown;
  const notes = [
    report.mismatch === undefined ? undefined : `Connectors do not start: ${asTyped(report.mismatch)}.`,
    report.ledgerAway === undefined ? undefined : `The ledger is away, so waiting, dead and causes are not known: ${report.ledgerAway}`,
    report.notInFile.length === 0
      ? undefined
      : typed`Not in the file: ${report.notInFile.join(", ")}. Put them back, carry them over with was:, or end them: patchbay retire <id>.`,
    ...report.routes.flatMap(({ route, lost }) => (lost.length === 0 ? [] : [formatLost(route, lost)])),
    sides === 0
      ? undefined
      : typed`Which side is the customer is not known of ${callsOf(sides)}: put your lines under own_numbers, or a direction to their agents. CRM routes look both numbers up meanwhile, and \`patchbay deliveries --unmatched\` lists what they did not find.`,
    Object.keys(agents).length === 0
      ? undefined
      : `Agents that are not under agents: ${Object.entries(agents)
          .map(([id, calls]) => `${id} (${callsOf(calls)})`)
          .join(", ")}.`,
    ...report.fileProblems.map((problem) => `Workers go on with an earlier routes file, since this one cannot be used: ${problem}`),
  ].filter((note) => note !== undefined);
  return [table, ...notes.map((note) => wrap(printable(note), { width: terminalWidth() }).join("\n"))].join("\n\n");
}

function callsOf(count: number): string {
  return count === 1 ? "1 call" : `${count} calls`;
}

function formatLost(route: string, lost: LostRange[]): string {
  const taken = lost.filter(({ kind }) => kind === "retention");
  const unreadable = lost.filter(({ kind }) => kind === "unreadable");
  const said = [
    taken.length === 0 ? undefined : `${covered(taken)} that retention took before they were read (${formatRanges(taken)})`,
    unreadable.length === 0
      ? undefined
      : `${covered(unreadable)} that cannot be read (${formatRanges(unreadable)}): ${unreadable[0]?.reason}`,
  ].filter((part) => part !== undefined);
  const calls = covered(lost) === 1 ? "a call" : "calls";
  return typed`${route} has lost ${calls}: ${said.join("; ")}. Once you know of ${calls === "a call" ? "it" : "them"}: patchbay accept-loss ${route} --reason "…"`;
}
