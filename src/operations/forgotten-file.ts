/**
 * What was forgotten, beside the embedded ledger: `ledger.db.forgotten`. It outlives the ledger, so that a ledger and a log that are restored from
 * an older backup forget it again. A line is a time, `call` or `record`, and a hash: it names no person.
 */
import { appendFileSync, readFileSync } from "node:fs";
import type { Forgotten } from "./forget.ts";

const LINE = /^\S+ (call|record) ([0-9a-f]{64})$/;

export const forgottenFile = (ledgerPath: string) => `${ledgerPath}.forgotten`;

export function keepForgotten(path: string, forgotten: Forgotten[]): void {
  const now = new Date().toISOString();
  appendFileSync(path, forgotten.map(({ kind, hash }) => `${now} ${kind} ${hash}\n`).join(""), { mode: 0o600, flush: true });
}

/** Each once. A line that a crash has cut off is none. */
export function readForgotten(path: string): Forgotten[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const found = new Map<string, Forgotten>();
  for (const line of text.split("\n")) {
    const [, kind, hash] = LINE.exec(line) ?? [];
    if (kind && hash) found.set(`${kind} ${hash}`, { kind: kind as Forgotten["kind"], hash });
  }
  return [...found.values()];
}
