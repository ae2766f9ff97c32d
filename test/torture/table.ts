/** One line of the reliability table, as measured. */
export interface TortureRow {
  name: string;
  engine: string;
  load: string;
  faults: string;
  accepted: number;
  delivered: string;
  /** Records too many where the destination knows a native key. */
  doubled: number;
  /** Where a look-up protects (Slack). */
  doubledWithoutKey: number;
  /** Answered 200 and not delivered. */
  lost: number;
  /** The audit closed. */
  whole: boolean;
  dead: number;
  seconds: number;
  note: string;
  /** Without something that the product has: what it loses is the point of it. */
  isComparison?: true;
}

export function formatRows(rows: TortureRow[]): string {
  const titles = [
    "case",
    "engine",
    "load",
    "faults",
    "accepted",
    "delivered",
    "doubled (key / look-up)",
    "lost",
    "dead",
    "audit",
    "time",
    "measured besides",
  ];
  const cells = rows.map((row) => [
    row.name,
    row.engine,
    row.load,
    row.faults,
    String(row.accepted),
    row.delivered,
    `${row.doubled} / ${row.doubledWithoutKey}`,
    String(row.lost),
    String(row.dead),
    row.whole ? "whole" : "NOT whole",
    `${Math.round(row.seconds)} s`,
    row.note,
  ]);
  return [titles, titles.map(() => "---"), ...cells].map((line) => `| ${line.join(" | ")} |`).join("\n");
}
