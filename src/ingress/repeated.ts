/**
 * Bodies that were stored minutes ago: the same bytes again are acknowledged and not stored once more. VoiceInfra's signature covers no
 * time, so a captured body could otherwise fill the log. It is a saving, never a promise: where it is not certain that the log has the
 * record, it is stored again. Another replica, or this one after a restart, does not remember.
 */
import { createHash } from "node:crypto";
import { withTimeout } from "../lib/async/timeout.ts";
import { CALLS_TOPIC, type Log, type Position } from "../log/log.ts";

const REMEMBERED_MS = 10 * 60_000;
const MOST_REMEMBERED = 10_000;
/** So long a look into the log is believed: a flood of one body must not cost a read each. */
const PROVEN_MS = 1_000;
/** A log that is away may take 20 s to say so: the sender would give up before its 503. Where the look takes longer, the body is stored again. */
const LOOK_WITHIN_MS = 1_000;

export interface StoredBody {
  callId: string;
  /** Settled once the log has it, or has not. */
  stored: Promise<Position>;
}

export interface Repeated {
  /** The call that has exactly these bytes, when the log still has it at its place. @throws what storing the first one threw. */
  find(options: { key: string; body: Uint8Array }): Promise<{ callId: string } | undefined>;
  /** Remembers what is being stored, and forgets it if that fails. */
  remember(key: string, stored: StoredBody): void;
}

/** Tells a body of a source from every other. `signature`: one that was verified, which does it already. */
export function bodyKey(options: { source: string; signature: string | undefined; body: Uint8Array }): string {
  const { source, signature, body } = options;
  return `${source}/${signature ?? createHash("sha256").update(body).digest("hex")}`;
}

/** @param options.isReady whether the log can store now: what it held may be gone with it. */
export function createRepeated(options: { log: Log; isReady: () => Promise<boolean>; monotonicMs: () => number }): Repeated {
  const { log, isReady, monotonicMs } = options;
  /** Oldest first. */
  const entries = new Map<string, StoredBody & { atMs: number; provenAtMs: number }>();

  async function isThere(position: Position, body: Uint8Array): Promise<boolean> {
    if (!(await isReady())) return false;
    const { partition, offset } = position;
    const [message] = await log.read({ topic: CALLS_TOPIC, partition, from: offset, limit: 1 });
    return message?.offset === offset && Buffer.compare(message.value, body) === 0;
  }

  function dropOld(nowMs: number): void {
    for (const [key, { atMs }] of entries) {
      if (entries.size <= MOST_REMEMBERED && nowMs - atMs < REMEMBERED_MS) return;
      entries.delete(key);
    }
  }

  return {
    async find({ key, body }) {
      const entry = entries.get(key);
      if (!entry || monotonicMs() - entry.atMs >= REMEMBERED_MS) return undefined;
      const position = await entry.stored;
      if (monotonicMs() - entry.provenAtMs >= PROVEN_MS) {
        if (!(await withTimeout(LOOK_WITHIN_MS, isThere(position, body)).catch(() => false))) {
          if (entries.get(key) === entry) entries.delete(key);
          return undefined;
        }
        entry.provenAtMs = monotonicMs();
      }
      return { callId: entry.callId };
    },
    remember(key, stored) {
      const atMs = monotonicMs();
      const entry = { ...stored, atMs, provenAtMs: Number.NEGATIVE_INFINITY };
      entries.delete(key);
      entries.set(key, entry);
      stored.stored.catch(() => {
        if (entries.get(key) === entry) entries.delete(key);
      });
      dropOld(atMs);
    },
  };
}
