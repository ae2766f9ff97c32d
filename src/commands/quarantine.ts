import type { ExitCode } from "../errors.ts";
import { UsageError } from "../errors.ts";
import { printableLines } from "../lib/text/printable.ts";
import { formatTable } from "../lib/text/table.ts";
import { formatShortDuration } from "../lib/time/duration.ts";
import {
  isAcceptedNow,
  markReplayed,
  type Quarantined,
  type ReplayedRecord,
  readQuarantine,
  replayedIds,
  replayQuarantined,
  wasReplayed,
} from "../operations/quarantine.ts";
import { type CommonOptions, type Context, lookWithContext, withContext } from "./context.ts";
import { currentUser, declined } from "./prompt.ts";

export interface QuarantineOptions extends CommonOptions {
  all?: boolean;
  yes?: boolean;
  again?: boolean;
}

/** `patchbay quarantine list`: signed records that were no call records. */
export async function quarantineListCommand(options: QuarantineOptions): Promise<ExitCode> {
  return lookWithContext(options, async (context) => {
    const log = await context.log();
    const found = await withReplayed(await readQuarantine(log), context);
    if (options.json) console.log(JSON.stringify(found.map(({ message: _message, ...rest }) => rest)));
    else if (found.length === 0) console.error("Nothing is in quarantine.");
    else console.log(formatQuarantine(found));
    return 0;
  });
}

/** `patchbay quarantine show <id>`: what is wrong with it, and the record itself. */
export async function quarantineShowCommand(id: string, options: QuarantineOptions): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const log = await context.log();
    const one = named(await withReplayed(await readQuarantine(log), context), id);
    // Before it is shown: a record that is read leaves a trace.
    await (await context.ledger()).note({
      by: currentUser(context.env),
      route: "",
      action: "read",
      detail: `quarantined record ${one.id}`,
    });
    const record = Buffer.from(one.message.value).toString("utf8");
    const { message: _message, ...rest } = one;
    if (options.json) console.log(JSON.stringify({ ...rest, record }));
    else {
      console.log(`${formatQuarantine([one])}\n`);
      console.log(printableLines(record));
    }
    return 0;
  });
}

/** `patchbay quarantine replay <id> | --all`: what is a call record by now is accepted. Exit code 1 when none is. */
export async function quarantineReplayCommand(id: string | undefined, options: QuarantineOptions): Promise<ExitCode> {
  if (id === undefined && !options.all)
    throw new UsageError("which record?", { hint: "Name its id (patchbay quarantine list), or say --all." });
  return withContext(options, async (context) => {
    const log = await context.log();
    const ledger = await context.ledger();
    const found = markReplayed(await readQuarantine(log), await replayedIds(ledger));
    const asked = id === undefined ? found : [named(found, id)];
    if (!options.json) console.log(asked.length === 0 ? "Nothing is in quarantine." : formatQuarantine(asked));
    const fit = asked.filter((one) => isAcceptedNow(one) || (options.again && wasReplayed(one)));
    if (fit.length === 0) {
      console.error(
        asked.some(wasReplayed)
          ? "What is a call record was replayed before (--again accepts it once more); nothing was replayed."
          : "None of them is a call record by this version's rules; nothing was replayed.",
      );
      return 1;
    }
    const no = await declined(`Accept ${fit.length} of ${asked.length} as calls?`, options);
    if (no !== undefined) return no;
    const by = currentUser(context.env);
    await ledger.note({ by, route: "", action: "replay", detail: `quarantined: ${fit.map((one) => one.id).join(", ")}` });
    const ends: { id: string; end: ReplayedRecord }[] = [];
    for (const one of fit)
      ends.push({ id: one.id, end: await replayQuarantined({ one, log, ledger, nowMs: Date.now(), by, again: options.again }) });
    const accepted = ends.filter(({ end }) => end.kind === "accepted").map(({ id }) => id);
    const overtaken = ends.flatMap(({ id, end }) => (end.kind === "overtaken" ? [{ id, callId: end.callId, at: end.at }] : []));
    if (options.json) console.log(JSON.stringify({ accepted, overtaken }));
    else {
      for (const { id, callId, at } of overtaken)
        console.log(
          `${id} is left out: ${callId} came once more at ${new Date(at).toISOString()}, and would go back to this record (--again accepts it all the same)`,
        );
      console.log(`${accepted.length} accepted. A record that is replayed twice is one call.`);
    }
    return accepted.length > 0 ? 0 : 1;
  });
}

/** Whether a record was replayed is in the ledger: while that is away it is not known, which is said. */
async function withReplayed(found: Quarantined[], context: Context): Promise<Quarantined[]> {
  if (!found.some(isAcceptedNow)) return found;
  try {
    return markReplayed(found, await replayedIds(await context.ledger()));
  } catch (error) {
    console.error(`The ledger is away, so it is not known which of them were replayed: ${messageOf(error)}`);
    return found;
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : "unknown");

function named(found: Quarantined[], id: string): Quarantined {
  const matching = found.filter((one) => one.message.key.startsWith(id.toLowerCase()));
  const [one] = matching;
  if (one && matching.length === 1) return one;
  if (matching.length > 1) throw new UsageError(`"${id}" begins ${matching.length} ids`, { hint: "Write more of it." });
  throw new UsageError(`nothing in quarantine has the id "${id}"`, { hint: "patchbay quarantine list shows them." });
}

function formatQuarantine(rows: Quarantined[]): string {
  const nowMs = Date.now();
  return formatTable<Quarantined>({
    rows,
    columns: [
      { title: "ID", cell: (row) => row.id },
      { title: "SOURCE", cell: (row) => row.source, narrow: 1 },
      { title: "AGE", cell: (row) => formatShortDuration(Math.max(0, nowMs - row.at)), align: "right" },
      { title: "BYTES", cell: (row) => String(row.bytes), align: "right" },
      { title: "CODE", cell: (row) => row.code },
      { title: "WHY", cell: (row) => row.problems.map(({ field, problem }) => `${field} ${problem}`).join(", "), narrow: "below" },
    ],
  });
}
