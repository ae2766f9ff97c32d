import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");

/** Words of a dialect that a reader has to learn first, and what to write instead. */
const WORDS: [word: RegExp, instead: string][] = [
  [/\bmend(s|ed|ing)?\b/i, "fix, repair"],
  [/\banew\b/i, "again"],
  [/\bheed(s|ed)?\b/i, "apply"],
  [/\bwhom\b/i, "the noun itself"],
  [/\bwhoever\b/i, "the noun itself"],
  [/\b(is|are|was|were|be) told\b/i, "who says it, or: is reported"],
  [/\b(stands?|stood) still\b/i, "is paused, stops"],
  [/\bgoes on by (itself|themselves)\b/i, "resumes"],
  [/\bhouse (plan|reference)\b/i, "docs/architecture.md"],
  [/\b(she|her|hers)\b/i, "the customer, the contact"],
];

const files = globSync(["src/**/*.{ts,yaml}", "connectors/**/*.ts", "docs/**/*.md", "*.md", "scripts/**/*.ts", "config/**/*.json"], {
  cwd: ROOT,
}).filter((file) => !file.includes(".test.") && !/(^|\/)(golden|CHANGELOG)/.test(file));

test("code, messages and pages are in plain words", () => {
  expect(files.length).toBeGreaterThan(300);
  const found = files.flatMap((file) =>
    readFileSync(join(ROOT, file), "utf8")
      .split("\n")
      .flatMap((line, index) =>
        WORDS.filter(([word]) => word.test(line)).map(([word, instead]) => `${file}:${index + 1} ${word.exec(line)?.[0]} → ${instead}`),
      ),
  );
  expect(found).toEqual([]);
});
