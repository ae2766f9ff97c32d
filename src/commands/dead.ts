import type { ExitCode } from "../errors.ts";
import { UsageError } from "../errors.ts";
import type { DeadLetterLedger } from "../ledger/operations.ts";
import type { DeliveryRow } from "../ledger/views.ts";
import { printableLines } from "../lib/text/printable.ts";
import { formatTable } from "../lib/text/table.ts";
import { asTyped, typed } from "../lib/text/typed-command.ts";
import { formatShortDuration } from "../lib/time/duration.ts";
import { type CommonOptions, type Context, lookWithContext, withContext } from "./context.ts";
import { refuseUnknownRoute } from "./looked-routes.ts";
import { currentUser, declined, routeNamed, timeRange } from "./prompt.ts";

export interface DeadOptions extends CommonOptions {
  route?: string;
  code?: string;
  since?: string;
  until?: string;
  limit?: number;
  all?: boolean;
  yes?: boolean;
  rate?: number;
  reason?: string;
}

/** Most dead letters that one command changes; a larger heap is done in parts, each looked at. */
const MAX_AT_ONCE = 10_000;
const DEFAULT_RATE = 10;

/** `patchbay dead list`: which deliveries were given up, and why. */
export async function deadListCommand(options: DeadOptions): Promise<ExitCode> {
  return lookWithContext(options, async (context) => {
    const ledger = await context.ledger();
    const rows = await find(ledger, undefined, options, options.limit ?? 50);
    if (rows.length === 0) await refuseUnknownRoute({ route: options.route, context });
    if (options.json) console.log(JSON.stringify(rows));
    else if (rows.length === 0) console.error("No dead letters.");
    else console.log(formatDead(rows));
    return 0;
  });
}

/** `patchbay dead show <call_id>`: the reason, and the record itself. Exit code 1 when there is none. */
export async function deadShowCommand(callId: string, options: DeadOptions): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const ledger = await context.ledger();
    const rows = await find(ledger, callId, options, 100);
    if (rows.length === 0) return none(callId, options, context);
    const by = currentUser(context.env);
    for (const row of rows) {
      // Before it is shown: who reads a call leaves a trace.
      await ledger.note({ by, route: row.route, action: "read", detail: `dead letter of ${callId}` });
      const body = await ledger.body(row);
      const record = body === undefined ? undefined : Buffer.from(body).toString("utf8");
      if (options.json) console.log(JSON.stringify({ ...row, record }));
      else {
        console.log(formatDead([row]));
        if (record !== undefined) console.log(`\n${printableLines(record)}\n`);
        else
          console.log(
            typed`\nIts record was kept until its retention ended: it cannot be replayed from here. The log may have it: patchbay replay.\n`,
          );
      }
    }
    return 0;
  });
}

/** `patchbay dead replay [call_id]`: puts them on their routes again. */
export async function deadReplayCommand(callId: string | undefined, options: DeadOptions): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const ledger = await context.ledger();
    const rows = await chosen(ledger, callId, options);
    if (rows.length === 0) return none(callId, options, context);
    const { routes, path, version } = await context.routes({ kind: "check-no-env" });
    const known = await ledger.knownRoutes();
    for (const id of new Set(rows.map(({ route }) => route))) routeNamed(id, { routes, path, known });
    show(rows, options);
    const no = await declined(`Replay ${count(rows.length, "dead letter")}?`, options);
    if (no !== undefined) return no;
    const everyMs = 1000 / (options.rate ?? DEFAULT_RATE);
    const changed = await ledger.replayDead({ keys: rows, everyMs, routesVersion: version, by: currentUser(context.env) });
    done(
      {
        changed,
        asked: rows.length,
        verb: "replayed",
        otherwise: "were replayed or discarded by somebody else meanwhile, or have no record any more",
      },
      options,
    );
    return 0;
  });
}

/** `patchbay dead discard [call_id] --reason <text>`: gives them up for good; who and why is kept. */
export async function deadDiscardCommand(callId: string | undefined, options: DeadOptions): Promise<ExitCode> {
  const { reason } = options;
  if (reason === undefined || reason.trim() === "") {
    const which = isChosen(callId, options) ? "" : ` And ${CHOOSE.charAt(0).toLowerCase()}${CHOOSE.slice(1)}`;
    throw new UsageError("why? A discarded call is never sent", {
      hint: `Say it with --reason "…": it is kept beside the delivery.${which}`,
    });
  }
  return withContext(options, async (context) => {
    const ledger = await context.ledger();
    const rows = await chosen(ledger, callId, options);
    if (rows.length === 0) return none(callId, options, context);
    show(rows, options);
    const no = await declined(`Discard ${count(rows.length, "dead letter")}?`, options);
    if (no !== undefined) return no;
    const changed = await ledger.discardDead({ keys: rows, reason, by: currentUser(context.env) });
    done({ changed, asked: rows.length, verb: "discarded", otherwise: "were replayed or discarded by somebody else meanwhile" }, options);
    return 0;
  });
}

const CHOOSE = "Name a call_id, choose with --route, --code, --since, --until, or say --all.";

function isChosen(callId: string | undefined, { all, route, code, since, until }: DeadOptions): boolean {
  return all === true || [callId, route, code, since, until].some((one) => one !== undefined);
}

async function chosen(ledger: DeadLetterLedger, callId: string | undefined, options: DeadOptions): Promise<DeliveryRow[]> {
  if (!isChosen(callId, options)) throw new UsageError("which dead letters?", { hint: CHOOSE });
  return find(ledger, callId, options, MAX_AT_ONCE);
}

function find(ledger: DeadLetterLedger, callId: string | undefined, options: DeadOptions, limit: number): Promise<DeliveryRow[]> {
  const { route, code: errorCode } = options;
  return ledger.dead({ filter: { callId, route, errorCode, ...timeRange(options, Date.now()) }, limit });
}

async function none(callId: string | undefined, { route }: DeadOptions, context: Context): Promise<ExitCode> {
  await refuseUnknownRoute({ route, context });
  console.error(
    callId === undefined
      ? "No dead letters like that."
      : typed`There is no dead letter of the call ${callId} (patchbay deliveries ${callId} shows where it is).`,
  );
  return 1;
}

function show(rows: DeliveryRow[], options: DeadOptions): void {
  if (options.json) return;
  console.log(formatDead(rows.slice(0, 10)));
  if (rows.length > 10) console.log(`… and ${rows.length - 10} more`);
}

function done(result: { changed: number; asked: number; verb: string; otherwise: string }, options: DeadOptions): void {
  const { changed, asked, verb, otherwise } = result;
  if (options.json) console.log(JSON.stringify({ [verb]: changed, asked }));
  else console.log(`${count(changed, "dead letter")} ${verb}.${changed < asked ? ` ${asked - changed} ${otherwise}.` : ""}`);
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? "" : "s"}`;

function formatDead(rows: DeliveryRow[]): string {
  const nowMs = Date.now();
  return formatTable<DeliveryRow>({
    rows,
    columns: [
      { title: "CALL", cell: (row) => row.callId },
      { title: "SOURCE", cell: (row) => row.source, narrow: 2 },
      { title: "ROUTE", cell: (row) => row.route },
      { title: "AGE", cell: (row) => formatShortDuration(Math.max(0, nowMs - row.updatedAt)), align: "right" },
      { title: "TRIES", cell: (row) => String(row.attempts), align: "right", narrow: 1 },
      { title: "CODE", cell: (row) => row.errorCode ?? "" },
      { title: "WHY", cell: (row) => asTyped(row.reason ?? ""), narrow: "below" },
    ],
  });
}
