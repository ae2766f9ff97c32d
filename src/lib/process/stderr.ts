/**
 * stderr of a process that must go on whatever becomes of its reader: a write never waits, never throws and never grows without bound.
 * A reader that does not read makes a full pipe, where an ordinary write waits for ever; a reader that has ended makes EPIPE, which ends
 * a process that does not expect it.
 */
import { constants, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";

/** What may wait for a slow reader; beyond, new lines are dropped. */
const MAX_WAITING_BYTES = 1_000_000;
/** Kept free for lines that say why the process ends. */
const URGENT_BYTES = 100_000;
const RETRY_MS = 50;
/** At the end of the process a reader that takes nothing for so long is given up. */
const LAST_WAIT_MS = 300;
const LAST_STEP_MS = 10;

let fd: number | undefined;
const waiting: Buffer[] = [];
let waitingBytes = 0;
let retry: NodeJS.Timeout | undefined;

/** `false`: dropped, since the reader has not taken what was written before, or is gone. `urgent`: dropped only after the others. */
export function writeStderr(text: string, options: { urgent?: boolean } = {}): boolean {
  const bytes = Buffer.from(text);
  if (waitingBytes + bytes.byteLength > (options.urgent ? MAX_WAITING_BYTES : MAX_WAITING_BYTES - URGENT_BYTES)) return false;
  if (waiting.length > 0) {
    keep(bytes);
    return true;
  }
  const rest = writeNow(bytes);
  if (rest === "failed") return false;
  if (rest.byteLength > 0) keep(rest);
  return true;
}

function keep(bytes: Buffer): void {
  if (retry === undefined) {
    process.once("exit", lastTry);
    // Unreferenced: a reader that does not read holds no process.
    retry = setInterval(flush, RETRY_MS).unref();
  }
  waiting.push(bytes);
  waitingBytes += bytes.byteLength;
}

/** Writes what waits, as far as the reader takes it. */
function flush(): void {
  for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
    const rest = writeNow(first);
    const left = rest === "failed" ? 0 : rest.byteLength;
    waitingBytes -= first.byteLength - left;
    if (rest !== "failed" && left > 0) {
      waiting[0] = rest;
      return;
    }
    waiting.shift();
  }
  clearInterval(retry);
  retry = undefined;
  process.off("exit", lastTry);
}

/** Waits for a reader that is only slow. `exit` handlers cannot await. */
function lastTry(): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let [before, idleMs] = [waitingBytes, 0];
  for (flush(); waitingBytes > 0 && idleMs < LAST_WAIT_MS; flush()) {
    idleMs = waitingBytes < before ? 0 : idleMs + LAST_STEP_MS;
    before = waitingBytes;
    Atomics.wait(pause, 0, 0, LAST_STEP_MS);
  }
}

/** What is left of the bytes: all or some of them when the reader has no room. `failed`: EPIPE, a full disk, a closed descriptor. */
function writeNow(bytes: Buffer): Buffer | "failed" {
  fd ??= openWithoutWaiting();
  try {
    return bytes.subarray(writeSync(fd, bytes));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EAGAIN" ? bytes : "failed";
  }
}

/** A descriptor of stderr whose writes fail with EAGAIN instead of waiting. */
function openWithoutWaiting(): number {
  // Node makes a pipe or a socket non-blocking when it opens this stream. Any other writer to it meets EPIPE as an event, which ends
  // the process unless somebody listens.
  process.stderr.on("error", () => undefined);
  if (!isatty(2)) return 2;
  // Node makes a terminal blocking, and Ctrl-S stops one; a description of our own is not.
  try {
    return openSync("/proc/self/fd/2", constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return 2;
  }
}
