/** What `patchbay forget` says to people. */
import { typed } from "../lib/text/typed-command.ts";
import { CALLS_TOPIC, QUARANTINE_TOPIC } from "../log/log.ts";
import type { Left } from "../operations/erase.ts";
import type { Found } from "../operations/find.ts";
import { countOf } from "../operations/forget.ts";
import type { Destination } from "../route.ts";

export const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? "" : noun.endsWith("y") ? "" : "s"}`;
const are = (n: number) => (n === 1 ? "is" : "are");
const since = (atMs: number | undefined) => (atMs === undefined ? "" : ` since ${new Date(atMs).toISOString()}`);

/** Names what was looked for, and in what: "nothing" is only ever said of that. */
export function describeLooked(found: Found, what: string): string {
  const { number, looked } = found;
  const { records, recordsSince, quarantined, quarantinedSince, bodies, unreadable } = looked;
  const meant = number && number.numbers.length > 0 ? number.numbers.join(" and ") : `"${what}"`;
  const places = [
    `${count(records, "record")} of the log${since(recordsSince)}`,
    `${count(quarantined, "quarantined record")}${since(quarantinedSince)}`,
    `what the ledger keeps of ${count(bodies, "waiting or dead call")}`,
  ].join(", ");
  const where = number ? "from_number, to_number, metadata and every other field" : "call_id";
  const also = number ? "" : ", and every delivery of the ledger";
  const plain =
    unreadable === 0
      ? ""
      : ` ${count(unreadable, "record")} of them ${are(unreadable)} no JSON and ${unreadable === 1 ? "was" : "were"} read as text.`;
  return `Looked for ${meant} in ${where} of ${places}${also}.${plain}`;
}

/** The ledger keeps no number, so that a copy of it tells nobody who called. */
export const NOT_LOOKED_AT =
  "Not looked at: calls that the log does not have any more, of which the ledger knows the call_id alone (name that), and destinations: search there for the number.";

export function describeFound(options: {
  found: Found;
  what: string;
  left: Left[];
  /** Which destinations can delete; those that are absent could not be asked. */
  able: ReadonlyMap<Destination, boolean>;
  /** The log's copies can be removed. */
  erasable: boolean;
  expiresAt: string | undefined;
  backups: string[];
}): string {
  const { found, what, left, able, erasable, expiresAt, backups } = options;
  const { calls, places, rows } = found;
  const [copies, quarantined] = [countOf(places, CALLS_TOPIC), countOf(places, QUARANTINE_TOPIC)];
  const becomes = erasable ? "to be removed" : `to stay until the log's retention ends (${expiresAt ?? "when is not known"})`;
  return [
    describeLooked(found, what),
    ...(found.number ? [NOT_LOOKED_AT] : []),
    `${count(calls.length, "call")}${calls.length === 0 ? "" : `: ${calls.map(({ callId }) => callId).join(", ")}`}`,
    `  in the log: ${copies === 1 ? "1 copy" : `${copies} copies`}, ${becomes}`,
    ...(quarantined === 0 ? [] : [`  in quarantine: ${count(quarantined, "record")}, ${becomes}`]),
    `  in the ledger: ${count(rows.length, "row")}, to be removed but for the call's id`,
    ...left.map((one) => `  at ${one.destination}: ${one.receipt.url ?? one.receipt.id}, ${howDeleted(one, able)}`),
    ...mentioned(found),
    ...backupLines(backups),
  ].join("\n");
}

function howDeleted({ to }: Left, able: ReadonlyMap<Destination, boolean>): string {
  if (to === undefined) return "to be deleted by hand";
  const isAble = able.get(to);
  if (isAble === undefined) return "to be deleted, once the destination can be opened";
  return isAble ? "to be deleted" : `to be deleted by hand: ${to.connector.title} cannot delete from here`;
}

function mentioned({ mentions, written }: Found): string[] {
  const [first] = mentions;
  const ids = mentions.map(({ callId }) => callId).join(", ");
  return [
    ...(written.length === 0 ? [] : [`It stands in what people wrote, which stays: ${written.join(", ")}.`]),
    ...(first === undefined
      ? []
      : [
          typed`The number is spoken of in ${count(mentions.length, "other call")}, which ${mentions.length === 1 ? "stays" : "stay"}: ${ids}. To remove one: patchbay forget ${first.callId}`,
        ]),
  ];
}

function backupLines(backups: string[]): string[] {
  if (backups.length === 0) return [];
  return [
    `${count(backups.length, "backup")} may hold it, and ${backups.length === 1 ? "stays as it is" : "stay as they are"}: ${backups.join(", ")}.`,
  ];
}

export function describeDone(options: { removed: { rows: number; copies: number; quarantined: number }; deleted: number }): string {
  const { removed, deleted } = options;
  const { rows, copies, quarantined } = removed;
  const what = [
    count(rows, "row"),
    `${copies === 1 ? "1 copy" : `${copies} copies`} in the log`,
    ...(quarantined === 0 ? [] : [`${count(quarantined, "record")} in quarantine`]),
  ];
  const last = what.pop();
  return `${what.join(", ")} and ${last} are removed; ${deleted} deleted at destinations.`;
}
