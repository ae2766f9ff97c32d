import { type LagReport, type RouteLag, readLag } from "../delivery/lag.ts";
import type { ExitCode } from "../errors.ts";
import type { LostRange } from "../ledger/controls.ts";
import { covered, formatRanges } from "../lib/ranges.ts";
import { formatDuration, formatTable } from "../lib/table.ts";
import { type CommonOptions, type Context, createContext } from "./context.ts";

const WATCH_EVERY_MS = 1_000;

/** `patchbay lag [--watch] [--json]`: how far each route is behind, and why. */
export async function lagCommand(options: CommonOptions & { watch?: boolean }): Promise<ExitCode> {
  const context = createContext({ ...options, looksOnly: true });
  const stopping = new AbortController();
  process.once("SIGINT", () => stopping.abort());
  try {
    do {
      const report = await reportOf(context);
      const text = options.json ? JSON.stringify(report) : formatLag(report);
      process.stdout.write(options.watch && !options.json && process.stdout.isTTY ? `\x1b[H\x1b[2J${text}\n` : `${text}\n`);
      if (options.watch) await wait(WATCH_EVERY_MS, stopping.signal);
    } while (options.watch && !stopping.signal.aborted);
    return 0;
  } finally {
    await context.close();
  }
}

async function reportOf(context: Context): Promise<LagReport> {
  const { routes } = await context.routes({ kind: "check-no-env" });
  const log = await context.log();
  const ledger = await context.ledger().catch((error: Error) => ({ away: error.message }));
  return readLag({ routes, log, ledger, nowMs: Date.now() });
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  const { setTimeout: sleep } = await import("node:timers/promises");
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

export function formatLag(report: LagReport): string {
  const table = formatTable<RouteLag>({
    rows: report.routes,
    columns: [
      { title: "ROUTE", cell: (row) => row.route },
      { title: "TO", cell: (row) => (row.destination === row.connector ? row.connector : `${row.destination} (${row.connector})`) },
      { title: "LAG", cell: (row) => String(row.lag), align: "right" },
      {
        title: "OLDEST",
        cell: (row) => (row.oldestAgeMs === undefined ? "?" : row.lag === 0 ? "-" : formatDuration(row.oldestAgeMs)),
        align: "right",
      },
      { title: "RATE/S", cell: (row) => row.endedPerSecond.toFixed(1), align: "right" },
      {
        title: "EMPTY IN",
        cell: (row) => (row.lag === 0 ? "-" : row.timeToEmptyMs === undefined ? "?" : formatDuration(row.timeToEmptyMs)),
        align: "right",
      },
      { title: "IN FLIGHT", cell: (row) => String(row.inFlight), align: "right" },
      { title: "WAITING", cell: (row) => String(row.waiting), align: "right" },
      { title: "DEAD", cell: (row) => String(row.dead), align: "right" },
      { title: "REPLICAS", cell: (row) => String(row.replicas), align: "right" },
      { title: "CAUSE", cell: (row) => row.cause ?? "" },
    ],
  });
  const notes = [
    report.mismatch === undefined ? undefined : `Connectors do not start: ${report.mismatch}.`,
    report.ledgerAway === undefined ? undefined : `The ledger is away, so waiting, dead and causes are not known: ${report.ledgerAway}`,
    report.notInFile.length === 0
      ? undefined
      : `Not in the file: ${report.notInFile.join(", ")}. Put them back, carry them over with was:, or end them: patchbay retire <id>.`,
    ...report.routes.flatMap(({ route, lost }) => (lost.length === 0 ? [] : [formatLost(route, lost)])),
    ...report.fileProblems.map((problem) => `Workers go on with an earlier routes file, since this one cannot be used: ${problem}`),
  ].filter((note) => note !== undefined);
  return [table, ...notes].join("\n\n");
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
  return `${route} has lost ${calls}: ${said.join("; ")}. Once you know of ${calls === "a call" ? "it" : "them"}: patchbay accept-loss ${route} --reason "…"`;
}
