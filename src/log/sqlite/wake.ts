import { EventEmitter } from "node:events";
import type { DatabaseSync } from "node:sqlite";

/** Readers in other processes see an append at the latest so much later. */
const POLL_EVERY_MS = 50;

/** Logs of the same file in this process wake each other at once. */
const inProcess = new EventEmitter().setMaxListeners(0);

export interface Wake {
  /** Tells every reader of this file that there may be something new. */
  announce(): void;
  /** Calls back on every announcement, and when another process has written. */
  onWake(listener: () => void): () => void;
  close(): void;
}

export function createWake(options: { db: DatabaseSync; path: string }): Wake {
  const { db, path } = options;
  // Changes when another connection has committed (sqlite.org/pragma.html#pragma_data_version).
  const dataVersion = db.prepare("PRAGMA data_version");
  let seen = dataVersion.get()?.data_version;
  let timer: NodeJS.Timeout | undefined;
  let listeners = 0;

  function poll(): void {
    const version = dataVersion.get()?.data_version;
    if (version === seen) return;
    seen = version;
    inProcess.emit(path);
  }

  return {
    announce: () => void inProcess.emit(path),
    onWake(listener) {
      inProcess.on(path, listener);
      listeners += 1;
      timer ??= setInterval(poll, POLL_EVERY_MS);
      return () => {
        inProcess.off(path, listener);
        listeners -= 1;
        if (listeners > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    close() {
      clearInterval(timer);
    },
  };
}
