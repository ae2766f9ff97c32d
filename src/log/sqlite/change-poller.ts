import type { DatabaseSync } from "node:sqlite";

/** SQLite notifies no other process; asking costs some microseconds. */
const POLL_MS = 20;

/** By real path of the file: called at once when this process has written. */
const listeners = new Map<string, Set<() => void>>();

/** Notifies every open log of this file in this process that something was written. */
export function announceChange(path: string): void {
  for (const listener of listeners.get(path) ?? []) listener();
}

/** Calls `onChange` when the file was written: at once if this process did, within 20 ms if another one. */
export function pollChanges(options: { db: DatabaseSync; path: string; onChange: () => void }): { stop(): void } {
  const { db, path, onChange } = options;
  // It changes with every commit of any other connection: https://sqlite.org/pragma.html#pragma_data_version
  const select = db.prepare("PRAGMA data_version");
  let version = select.get()?.data_version;

  function poll(): void {
    try {
      const now = select.get()?.data_version;
      if (now === version) return;
      version = now;
    } catch {
      // The reader that is woken meets the same error and handles it.
    }
    onChange();
  }

  const here = listeners.get(path) ?? new Set();
  listeners.set(path, here.add(onChange));
  const timer = setInterval(poll, POLL_MS);
  return {
    stop() {
      clearInterval(timer);
      here.delete(onChange);
      if (here.size === 0) listeners.delete(path);
    },
  };
}
