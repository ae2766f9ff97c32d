/** Runs before each test file (vitest.config.ts): a child process, a listening server or a temporary folder that the file leaves behind fails it. */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect } from "vitest";

/** What was stopped in the last test may need a moment for its end. */
const PATIENCE_MS = 10_000;
const LASTING = ["ProcessWrap", "TCPServerWrap"];

const before = process.env.TMPDIR;
const folder = mkdtempSync(join(tmpdir(), "pb-"));
// PostgreSQL runs as another user where we are root.
chmodSync(folder, 0o755);
process.env.TMPDIR = folder;
const atFirst = handles();

// Registered before the file's own, and so run after them.
afterAll(async () => {
  const untilMs = performance.now() + PATIENCE_MS;
  while (leftBehind().length > 0 && performance.now() < untilMs) await delay(20);
  const left = leftBehind();
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  rmSync(folder, { recursive: true, force: true });
  expect(left, "the test file leaves these behind").toEqual([]);
}, 60_000);

function leftBehind(): string[] {
  const rest = handles();
  for (const one of atFirst) if (rest.includes(one)) rest.splice(rest.indexOf(one), 1);
  return [...rest, ...readdirSync(folder)];
}

function handles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => LASTING.includes(name));
}
