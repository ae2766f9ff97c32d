/** What `deliveries` prints for people. */

import type { DeliveryRow, Person, Receipt } from "../ledger/ledger.ts";
import { formatTable } from "../lib/text/table.ts";
import { asTyped } from "../lib/text/typed-command.ts";
import { formatShortDuration } from "../lib/time/duration.ts";
import { type CallStates, recordsOf } from "../views/call-states.ts";

/** A call on a route, with what one searches the CRM by: on a terminal and in `--json` only, never in a log line. */
export interface Listed extends CallStates {
  numbers?: string[];
  /** Why there is none. */
  numbersMissing?: string;
}

/** Routes of one call stand together, the call that changed last first. */
export function formatDeliveries(rows: Listed[], options: { withNumbers: boolean; nowMs: number }): string {
  const { withNumbers, nowMs } = options;
  const grouped = [...Map.groupBy(rows, ({ source, callId }) => `${source}\n${callId}`).values()].flat();
  return formatTable<Listed>({
    rows: grouped,
    columns: [
      { title: "CALL", cell: ({ callId }) => callId, narrow: "heading" },
      { title: "SOURCE", cell: ({ source }) => source, narrow: "heading" },
      { title: "ROUTE", cell: ({ route }) => route },
      { title: "STATE", cell: ({ state }) => state },
      { title: "SINCE", cell: ({ since }) => (since === undefined ? "?" : clockTime(since)) },
      { title: "AGE", cell: ({ since }) => (since === undefined ? "?" : formatShortDuration(Math.max(0, nowMs - since))), align: "right" },
      ...(withNumbers
        ? [
            {
              title: "NUMBER",
              cell: ({ numbers, numbersMissing }: Listed) => numbers?.join(" or ") ?? numbersMissing ?? "?",
              narrow: "below" as const,
            },
          ]
        : []),
      { title: "PERSON", cell: ({ row }) => (row?.receipt?.person ? personName(row.receipt.person) : ""), narrow: "below" },
      { title: "RECEIPT", cell: ({ row }) => row?.receipt?.url ?? row?.receipt?.id ?? "", narrow: "below" },
      { title: "WHY", cell: (one) => typedWhy(one, nowMs), narrow: "below" },
    ],
  });
}

/** `2026-01-15 14:23:07Z`: as log lines and `actions` have it, so that one finds the other. */
function clockTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** The reason of a skipped call may quote the condition of its route, which is not our sentence. */
function typedWhy(one: Listed, nowMs: number): string {
  const why = whyOf(one, nowMs);
  return one.state === "skipped" ? why : asTyped(why);
}

function whyOf({ state, reason, until, before, row }: Listed, nowMs: number): string {
  if (before !== undefined) return [reason, ahead(state, before), row && `a version before it is ${row.state}`].filter(Boolean).join("; ");
  if (!row || state === "sending") return reason;
  if (state === "delivered") return [row.reason, ...remarks(row, nowMs)].filter((one) => one !== undefined).join("; ");
  const tried = row.errorCode === undefined && row.reason === undefined ? undefined : errorOf(row);
  const own = reason === row.reason || (state !== "waiting" && row.reason !== undefined) ? (tried ?? reason) : reason;
  const next = state === "waiting" && until !== undefined ? nextTry(until, row.attempts, nowMs) : undefined;
  const last = own === tried || tried === undefined ? undefined : `the last try: ${tried}`;
  return [own, next, last, ...remarks(row, nowMs)].filter((one) => one !== undefined).join("; ");
}

const ahead = (state: string, before: number) => (state === "unread" || before === 0 ? undefined : `${recordsOf(before)} before it`);

const errorOf = ({ errorCode, reason }: DeliveryRow) => [errorCode, reason].filter((one) => one !== undefined).join(": ");

function nextTry(at: number, attempts: number, nowMs: number): string {
  const when = at <= nowMs ? "due now" : `due ${clockTime(at)} (in ${formatShortDuration(at - nowMs)})`;
  return `try ${attempts + 1} is ${when}`;
}

function remarks(row: DeliveryRow, nowMs: number): (string | undefined)[] {
  const left = row.state === "delivered" ? row.receipt?.extra?.left_out : undefined;
  return [
    row.returned === 0 || row.returnedAt === undefined
      ? undefined
      : `an earlier version came again ${row.returned === 1 ? "once" : `${row.returned} times`}, last ${formatShortDuration(Math.max(0, nowMs - row.returnedAt))} ago, and was left out`,
    row.state === "delivered" ? unmatchedReason(row.receipt) : undefined,
    row.state === "delivered" && row.awaits !== undefined ? `went without ${row.awaits}, which is added when it has delivered` : undefined,
    left === undefined ? undefined : `refused, and left out: ${left}`,
  ];
}

/** Why a delivered call is on nobody, or perhaps on the wrong one; undefined where one person was found, or nobody was looked for. */
export function unmatchedReason(receipt: Receipt | undefined): string | undefined {
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
