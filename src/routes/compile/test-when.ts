import type { CallRecord } from "../../model/call.ts";
import type { Routes } from "../../route.ts";
import type { When, WhenCompiler } from "../cel/when.ts";
import type { Problems } from "../diagnose/problems.ts";
import type { RoutesDocument } from "../file/document.ts";
import type { RoutesFile } from "../file/schema.ts";

/** The `test_when` of each source that has one. */
export function loadTestWhen(options: {
  file: RoutesFile;
  document: RoutesDocument;
  when: WhenCompiler;
  problems: Problems;
}): Map<string, When> {
  const { file, document, when, problems } = options;
  const compiled = new Map<string, When>();
  for (const [name, { test_when: text }] of Object.entries(file.sources)) {
    if (text === undefined) continue;
    const { when: condition, findings } = when.compile(text);
    for (const { offset, ...finding } of findings)
      problems.add({ at: document.inside(["sources", name, "test_when"], offset), ...finding });
    if (condition) compiled.set(name, condition);
  }
  return compiled;
}

/** Marks the calls that are tests. A condition that fails on a call leaves it a real one: better sent than lost. */
export function withTests(options: { describe: Routes["describe"]; tests: Map<string, When> }): Routes["describe"] {
  const { describe, tests } = options;
  if (tests.size === 0) return describe;
  return (record: CallRecord, source: string) => {
    const call = describe(record, source);
    try {
      return tests.get(source)?.(call) ? { ...call, test: true } : call;
    } catch {
      return call;
    }
  };
}
