import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { RoutesFileError, UsageError } from "../../src/errors.ts";
import { formatProblems, loadRoutes } from "../../src/routes/index.ts";
import { connectors, env, file, load, refusal } from "./support/load.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

function fromDisk(content: string | Uint8Array): ReturnType<typeof loadRoutes> {
  const path = join(folder, "routes.yaml");
  writeFileSync(path, content);
  return loadRoutes({ path, env, connectors, role: { kind: "all" } });
}

function usageError(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return `${error.message.replaceAll(folder, "")} — ${error.hint}`;
    throw error;
  }
  throw new Error("it did not fail");
}

test("no file, a folder, a file too large", () => {
  const at = (path: string) => usageError(() => loadRoutes({ path, env, connectors, role: { kind: "all" } }));
  expect(at(join(folder, "nope.yaml"))).toBe(
    "there is no file /nope.yaml — Name it with --routes <file> or PATCHBAY_ROUTES; the default is routes.yaml in the working directory.",
  );
  expect(at(folder)).toBe(" is a folder, not a file — Name the file itself: --routes folder/routes.yaml.");
  expect(usageError(() => fromDisk(" ".repeat(1_000_001)))).toBe(
    "/routes.yaml is too large: 1001 KB, at most 1000 KB — Is it the right file?",
  );
});

test("an empty file, and one of comments only", () => {
  for (const text of ["", "\n\n", "# later\n"]) {
    expect(usageError(() => fromDisk(text))).toBe(
      "/routes.yaml is empty — Begin with version: 1, sources, destinations and routes: docs/routes.md shows them.",
    );
  }
});

test("not UTF-8: the line is named", () => {
  for (const [bytes, line, message] of [
    [Buffer.concat([Buffer.from("version: 1\nx: "), Buffer.from([0xe4, 0x0a])]), 2, "this line is not UTF-8"],
    [Buffer.from("\uFEFFversion: 1\n", "utf16le"), 1, "the file is UTF-16"],
  ] as const) {
    try {
      fromDisk(bytes);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RoutesFileError);
      expect((error as RoutesFileError).problems).toMatchObject([{ line, column: 1, message, hint: "Save the file as UTF-8." }]);
    }
  }
});

test("a file from disk is the same as its text", () => {
  const text = file("  - { id: a, to: crm }\n  - { id: b, to: chat, with: { channel: C1 } }");
  expect(fromDisk(text).version).toBe(load({ text }).version);
  expect(fromDisk(`\uFEFF${text}`).version).toBe(load({ text }).version);
});

test("problems are shown with their line, a caret and what to do", () => {
  const text = file('  - id: a\n    to: crm\n    wehn: call_outcome != "failed"\n\t# tab');
  const shown = formatProblems(refusal({ text: text.replace("\n\t# tab", "") }));
  expect(shown).toBe(
    [
      'routes.yaml:13:5  error  unknown field "wehn"',
      '    13 |     wehn: call_outcome != "failed"',
      "       |     ^",
      '       did you mean "when"?',
    ].join("\n"),
  );
});

test("two problems are apart by an empty line; colours are asked for", () => {
  const error = refusal({ text: file("  - id: a\n    to: crmm\n    wehn: test") });
  expect(formatProblems(error).split("\n\n")).toHaveLength(2);
  expect(formatProblems(error)).not.toContain("\u001b");
  expect(formatProblems(error, { color: true })).toContain("\u001b[31merror");
});

test("a very long line is cut around the caret", () => {
  const error = refusal({ text: file(`  - id: a\n    to: crm\n    when: ${"test || ".repeat(100)}durasion > 5`) });
  const [, source = "", caret = ""] = formatProblems(error).split("\n");
  expect(source.length).toBeLessThan(180);
  expect(source.slice(caret.indexOf("^"))).toMatch(/^durasion > 5/);
});
