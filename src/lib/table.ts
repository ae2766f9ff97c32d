import { styleText } from "node:util";
import { printable } from "./printable.ts";

export interface Column<Row> {
  title: string;
  cell(row: Row): string;
  align?: "left" | "right";
}

/** A plain table for people: titles, two spaces between columns, no lines. A cell is one line, whatever it says. */
export function formatTable<Row>(options: { columns: Column<Row>[]; rows: Row[]; stream?: NodeJS.WriteStream }): string {
  const { columns, rows, stream = process.stdout } = options;
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row))));
  const widths = columns.map((column, i) => Math.max(column.title.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const line = (texts: string[]) =>
    texts
      .map((text, i) => (columns[i]?.align === "right" ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  const titles = styleText("bold", line(columns.map((column) => column.title)), { stream });
  return [titles, ...cells.map(line)].join("\n");
}

/** `3 ms`, `4.2 s`, `12 min`, `3.4 h`, `2.1 d`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${(ms / 3_600_000).toFixed(1)} h`;
  return `${(ms / 86_400_000).toFixed(1)} d`;
}
