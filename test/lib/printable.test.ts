import { describe, expect, test } from "vitest";
import { printable, printableLines, printableOutput } from "../../src/lib/text/printable.ts";
import { formatTable } from "../../src/lib/text/table.ts";

const ESC = "\u001b";
/** Each does something to a terminal, or to whoever reads it. */
const DANGEROUS = {
  "a title": [`${ESC}]0;owned\u0007`, "\\u{1b}]0;owned\\u{7}"],
  "an erased line": [`${ESC}[2K`, "\\u{1b}[2K"],
  "CSI as one character": ["\u009b2J", "\\u{9b}2J"],
  "a forged row": ["Jane\ncall-2  delivered", "Jane\\u{a}call-2  delivered"],
  "an overwritten line": ["Jane\rJohn", "Jane\\u{d}John"],
  "a line turned around": ["\u202egnp.exe", "\\u{202e}gnp.exe"],
  "an isolate": ["\u2066x\u2069", "\\u{2066}x\\u{2069}"],
  "an Arabic letter mark": ["\u061cx", "\\u{61c}x"],
  "a line separator": ["a\u2028b\u2029c", "a\\u{2028}b\\u{2029}c"],
  "a tab": ["a\tb", "a\\u{9}b"],
  DEL: ["a\u007fb", "a\\u{7f}b"],
  "half of a character": ["a\ud800b", "a\\u{d800}b"],
};

describe("text of a call or a vendor on a terminal", () => {
  test.each(Object.entries(DANGEROUS))("%s is shown, not obeyed", (_, [text, shown]) => {
    expect(printable(text as string)).toBe(shown);
    expect(formatTable({ rows: [text as string], columns: [{ title: "WHO", cell: (row) => row }] }).split("\n")).toEqual([
      expect.stringContaining("WHO"),
      shown,
    ]);
  });

  test("letters of every script, emoji and what joins them stay as they are", () => {
    const text = "Jürgen 山田 太郎 דנה عمر 👩🏽‍💻 a\u00a0b é";
    expect(printable(text)).toBe(text);
    expect(printableLines(text)).toBe(text);
    expect(printableOutput(text)).toBe(text);
  });

  test("of several lines keeps its lines and tabs, and nothing else", () => {
    expect(printableLines(`{\r\n\t"a": "${ESC}[31m\u202e"\n}`)).toBe('{\n\t"a": "\\u{1b}[31m\\u{202e}"\n}');
  });
});

describe("whole output", () => {
  test("keeps its own colours and lines", () => {
    const text = `${ESC}[1mROUTE${ESC}[22m\n${ESC}[38;5;2mok${ESC}[0m`;
    expect(printableOutput(text)).toBe(text);
  });

  test("of JSON stays JSON of the same value", () => {
    const value = { callId: "a\u009bb\u202e\u2028\ud800c", lines: `${ESC}[2J\n` };
    const shown = printableOutput(JSON.stringify(value));
    expect(shown).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Zl}]/u);
    expect(JSON.parse(shown)).toEqual(value);
  });

  test("shows what moves the cursor", () => {
    expect(printableOutput(`${ESC}[2J${ESC}]0;x\u0007${ESC}[1A`)).toBe("\\u001b[2J\\u001b]0;x\\u0007\\u001b[1A");
  });
});
