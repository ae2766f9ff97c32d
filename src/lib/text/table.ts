import { styleText } from "node:util";
import stringWidth from "string-width";
import { printable } from "./printable.ts";
import { wrap } from "./wrap.ts";

export interface Column<Row> {
  title: string;
  cell(row: Row): string;
  align?: "left" | "right";
  /**
   * What becomes of it where the table is wider than the terminal. `heading`: stands once above the rows that share it; `below`: goes on lines of
   * its own under its row; a number: it is left out, the highest first. Without it the column stays.
   */
  narrow?: "heading" | "below" | number;
  /** Of a cell that says something. */
  colour?: "yellow" | "red";
}

type Stream = Pick<NodeJS.WriteStream, "columns" | "isTTY">;
interface Shown<Row> extends Column<Row> {
  texts: string[];
  width: number;
}

/**
 * A plain table for people: titles, two spaces between columns, no lines. A cell is one line, whatever it says. On a terminal that is narrower than
 * the table no word is broken: columns move or go as {@link Column.narrow} says. Without a terminal the table has its full width.
 */
export function formatTable<Row>(options: { columns: Column<Row>[]; rows: Row[]; stream?: NodeJS.WriteStream }): string {
  const { columns, rows, stream = process.stdout } = options;
  const shown = columns.map((column): Shown<Row> => {
    const texts = rows.map((row) => printable(column.cell(row)));
    return { ...column, texts, width: Math.max(stringWidth(column.title), ...texts.map((text) => stringWidth(text))) };
  });
  const width = terminalWidth(stream);
  const fits = (kept: Shown<Row>[], indent = "") => kept.reduce((sum, one) => sum + one.width + 2, indent.length - 2) <= width;
  if (fits(shown)) return [titleLine(shown, stream), ...rows.map((_, row) => rowLine(shown, row, stream))].join("\n");

  const headings = shown.filter(({ narrow }) => narrow === "heading");
  const below = shown.filter(({ narrow }) => narrow === "below");
  const indent = headings.length > 0 ? "  " : "";
  let kept = shown.filter(({ narrow }) => narrow !== "heading" && narrow !== "below");
  while (!fits(kept, indent)) {
    const least = Math.max(...kept.map(({ narrow }) => (typeof narrow === "number" ? narrow : 0)));
    if (least === 0) break;
    kept = kept.filter(({ narrow }) => narrow !== least);
  }
  const lines = [indent + titleLine(kept, stream)];
  let above = "";
  for (const [row] of rows.entries()) {
    const heading = headings.map(({ texts }) => texts[row]).join("  ");
    if (headings.length > 0 && heading !== above) lines.push(styleText("bold", heading, { stream }));
    above = heading;
    lines.push(indent + rowLine(kept, row, stream), ...below.flatMap((one) => linesBelow(one, { row, width, indent, stream })));
  }
  return lines.join("\n");
}

/** Columns of the terminal; endless where there is none, as in a file or a pipe. */
export function terminalWidth(stream: Stream = process.stdout): number {
  return stream.isTTY && stream.columns > 0 ? stream.columns : Number.POSITIVE_INFINITY;
}

function titleLine<Row>(columns: Shown<Row>[], stream: NodeJS.WriteStream): string {
  return styleText("bold", joined(columns.map((column) => padded(column, column.title))), { stream });
}

function rowLine<Row>(columns: Shown<Row>[], row: number, stream: NodeJS.WriteStream): string {
  return joined(
    columns.map((column) => {
      const text = padded(column, column.texts[row] ?? "");
      return column.colour && text.trim() !== "" ? styleText(column.colour, text, { stream }) : text;
    }),
  );
}

const joined = (cells: string[]) => cells.join("  ").trimEnd();

function padded<Row>({ align, width }: Shown<Row>, text: string): string {
  const blanks = " ".repeat(Math.max(0, width - stringWidth(text)));
  return align === "right" ? blanks + text : text + blanks;
}

/** `  why: destination down`, at the row's beginning. */
function linesBelow<Row>(
  { title, texts, colour }: Shown<Row>,
  options: { row: number; width: number; indent: string; stream: NodeJS.WriteStream },
): string[] {
  const { row, width, indent, stream } = options;
  const text = texts[row] ?? "";
  // A zero says nothing there.
  if (text === "" || text === "0") return [];
  const lines = wrap(text, { width, indent: `${indent}    `, first: `${indent}  ${title.toLowerCase()}: ` });
  return lines.map((line) => (colour ? styleText(colour, line, { stream }) : line));
}
