import { Writable } from "node:stream";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { type Column, formatTable } from "../../src/lib/text/table.ts";
import { wrap } from "../../src/lib/text/wrap.ts";

interface Row {
  call: string;
  route: string;
  lag: number;
  why: string;
}
const rows: Row[] = [
  { call: "call_1", route: "log-in-hubspot", lag: 3, why: "destination down: the destination cannot be reached" },
  { call: "call_1", route: "archive", lag: 0, why: "" },
  { call: "call_2", route: "archive", lag: 12, why: "https://recordings.example.com/a/very/long/address/that/nobody/breaks" },
];
const columns: Column<Row>[] = [
  { title: "CALL", cell: ({ call }) => call, narrow: "heading" },
  { title: "ROUTE", cell: ({ route }) => route },
  { title: "LAG", cell: ({ lag }) => String(lag), align: "right" },
  { title: "REPLICAS", cell: () => "1", align: "right", narrow: 2 },
  { title: "TO", cell: () => "hubspot", narrow: 1 },
  { title: "WHY", cell: ({ why }) => why, narrow: "below" },
];

/** A terminal without colours. */
const terminal = (width: number | undefined) =>
  Object.assign(new Writable(), { isTTY: width !== undefined, columns: width, getColorDepth: () => 1 }) as unknown as NodeJS.WriteStream;
const linesAt = (width: number | undefined) => formatTable({ columns, rows, stream: terminal(width) }).split("\n");

describe("a table", () => {
  test("has a line for each row where it fits, and where there is no terminal", () => {
    expect(linesAt(200)).toEqual(linesAt(undefined));
    expect(linesAt(200)).toEqual([
      "CALL    ROUTE           LAG  REPLICAS  TO       WHY",
      "call_1  log-in-hubspot    3         1  hubspot  destination down: the destination cannot be reached",
      "call_1  archive           0         1  hubspot",
      "call_2  archive          12         1  hubspot  https://recordings.example.com/a/very/long/address/that/nobody/breaks",
    ]);
  });

  test("on a narrow terminal names a call once, and puts sentences under their rows, broken between words", () => {
    expect(linesAt(50)).toEqual([
      "  ROUTE           LAG  REPLICAS  TO",
      "call_1",
      "  log-in-hubspot    3         1  hubspot",
      "    why: destination down: the destination cannot",
      "      be reached",
      "  archive           0         1  hubspot",
      "call_2",
      "  archive          12         1  hubspot",
      "    why: https://recordings.example.com/a/very/long/address/that/nobody/breaks",
    ]);
  });

  test("on a narrower one leaves out what matters least first", () => {
    expect(linesAt(34)[0]).toBe("  ROUTE           LAG  TO");
    expect(linesAt(24)[0]).toBe("  ROUTE           LAG");
    expect(linesAt(5)[0]).toBe("  ROUTE           LAG");
  });
});

test("columns stand below one another where a cell holds wide characters, marks or a picture", () => {
  const people = ["王伟", "김지우", "Zoë", "Ann", "👩‍👧"].map((name) => ({ name }));
  const shown = formatTable<{ name: string }>({
    columns: [
      { title: "NAME", cell: ({ name }) => name },
      { title: "N", cell: () => "1" },
    ],
    rows: people,
    stream: terminal(80),
  });
  expect(shown.split("\n").map((line) => stringWidth(line))).toEqual([9, 9, 9, 9, 9, 9]);
});

test("no line is longer than asked for, but for one of a single long word", () => {
  const text = "one two three four five sixsixsixsixsixsix seven";
  for (const width of [1, 8, 10, 14, 20, 60]) {
    const lines = wrap(text, { width, indent: "  ", first: "" });
    for (const line of lines) expect(line.length <= width || !line.trim().includes(" "), `${width}: ${line}`).toBe(true);
    expect(lines.join(" ").replaceAll(/ +/g, " ")).toBe(text);
  }
});
