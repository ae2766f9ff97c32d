import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { readableLogLine } from "../../src/lib/process/log-line.ts";

const line = (fields: Record<string, unknown>) =>
  stripVTControlCharacters(readableLogLine(`${JSON.stringify({ level: "warn", time: "2026-01-15T14:23:07.123Z", pid: 7, ...fields })}\n`));

test("a person at a terminal reads time, level, message and fields", () => {
  expect(line({ source: "voiceinfra", count: 3, cause: "it is away", msg: "delivery refused" })).toBe(
    '14:23:07Z WARN  delivery refused  source=voiceinfra count=3 cause="it is away"\n',
  );
  expect(line({ routes: ["a", "b"], msg: "up" })).toBe('14:23:07Z WARN  up  routes=["a","b"]\n');
  expect(line({ msg: "up" })).toBe("14:23:07Z WARN  up\n");
});

test("nothing in a line moves the cursor, forges a line or turns one around", () => {
  const shown = readableLogLine(
    `${JSON.stringify({ level: "info", time: "2026-01-15T14:23:07.123Z", cause: "a\u009b2J\u202eb\nc", name: "x\u202ey", msg: "m\n\u001b[2Jn" })}\n`,
  );
  const text = stripVTControlCharacters(shown);
  expect(text).toBe('14:23:07Z INFO  m\\u{a}\\u{1b}[2Jn  cause="a\\u{9b}2J\\u{202e}b\\nc" name=x\\u{202e}y\n');
});

test("what is no log line of ours stays as it is", () => {
  for (const text of ["not json\n", "{}\n", '{"level":"other"}\n']) expect(readableLogLine(text)).toBe(text);
});
