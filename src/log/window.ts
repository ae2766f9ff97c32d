import type { Message, Taken } from "./log.ts";

/**
 * What one member holds of one partition: buffered, taken and done messages between the committed position and the next fetch.
 * Messages are handed out in order and acknowledged in any order; the head never passes one that is not done.
 * Knows nothing of an engine; each holding of a partition gets a window of its own, so acks of an earlier holding do nothing.
 */
export interface PartitionWindow {
  readonly partition: number;
  /** Adds fetched messages; those below `next` are repeats and are dropped. */
  offer(messages: Message[]): void;
  /** Goes on at `offset`: the log no longer keeps what lay between. Backwards it does nothing. */
  skipTo(offset: number): void;
  /** Hands out up to `max` buffered messages, released ones first. */
  take(max: number): Taken[];
  /** The offset to fetch from. */
  readonly next: number;
  /** The position to commit: everything below it is done. Stands still once the window is closed. */
  readonly head: number;
  /** When the log took the first message that is not done. Unix ms. */
  readonly oldestOpenAt: number | undefined;
  /** Handed out, neither acknowledged nor released. */
  readonly taken: number;
  /** Not yet handed out. */
  readonly buffered: number;
  /** Messages and bytes above the head: what bounds the window. */
  readonly heldMessages: number;
  readonly heldBytes: number;
  /** Hands out nothing more and tells the holders through their signal; acks still count until `close`. */
  retire(): void;
  /** Resolves when nothing is taken. */
  settled(): Promise<void>;
  /** Forgets everything: acks and releases from now on do nothing. */
  close(): void;
  readonly closed: boolean;
}

interface Entry {
  message: Message;
  bytes: number;
  state: "buffered" | "taken" | "done";
}

/** `onChange` is called after each ack and release: positions to commit, room to fetch, messages to hand out may have come of it. */
export function createWindow(options: { partition: number; from: number; onChange: () => void }): PartitionWindow {
  const { partition, from, onChange } = options;
  const leaving = new AbortController();
  let entries: Entry[] = [];
  /** Entries before this index are done and dropped now and then. */
  let first = 0;
  /** Entries from this index on have never been handed out. */
  let fresh = 0;
  let released: Entry[] = [];
  let next = from;
  let taken = 0;
  let heldBytes = 0;
  let headAtClose: number | undefined;
  let whenSettled: (() => void)[] = [];

  function dropDone(): void {
    while (first < entries.length && entries[first]?.state === "done") {
      heldBytes -= entries[first]?.bytes ?? 0;
      first += 1;
    }
    if (first > 1024 || first === entries.length) {
      entries.splice(0, first);
      fresh -= first;
      first = 0;
    }
  }

  function settle(entry: Entry, state: "buffered" | "done"): void {
    if (headAtClose !== undefined) return;
    entry.state = state;
    taken -= 1;
    if (state === "buffered") {
      released.push(entry);
      released.sort((a, b) => a.message.offset - b.message.offset);
    } else {
      dropDone();
    }
    if (taken === 0) answerSettled();
    onChange();
  }

  function answerSettled(): void {
    const answered = whenSettled;
    whenSettled = [];
    for (const resolve of answered) resolve();
  }

  function hand(entry: Entry): Taken {
    entry.state = "taken";
    taken += 1;
    // Bound to this handing out, not to the entry: a late second end must not settle what somebody else took since.
    let ended = false;
    const end = (state: "buffered" | "done") => {
      if (ended) return;
      ended = true;
      settle(entry, state);
    };
    return { message: entry.message, signal: leaving.signal, ack: () => end("done"), release: () => end("buffered") };
  }

  return {
    partition,
    offer(messages) {
      if (headAtClose !== undefined) return;
      for (const message of messages) {
        if (message.offset < next) continue;
        const bytes = message.value.byteLength + message.key.length + 200;
        entries.push({ message, bytes, state: "buffered" });
        heldBytes += bytes;
        next = message.offset + 1;
      }
    },
    skipTo(offset) {
      if (headAtClose === undefined) next = Math.max(next, offset);
    },
    take(max) {
      if (leaving.signal.aborted) return [];
      const again = released.splice(0, max);
      const firstTime = entries.slice(fresh, fresh + max - again.length);
      fresh += firstTime.length;
      return [...again, ...firstTime].map(hand);
    },
    get next() {
      return next;
    },
    get head() {
      return headAtClose ?? entries[first]?.message.offset ?? next;
    },
    get oldestOpenAt() {
      return entries[first]?.message.appendedAt;
    },
    get taken() {
      return taken;
    },
    get buffered() {
      return entries.length - fresh + released.length;
    },
    get heldMessages() {
      return entries.length - first;
    },
    get heldBytes() {
      return heldBytes;
    },
    get closed() {
      return headAtClose !== undefined;
    },
    retire() {
      leaving.abort();
    },
    settled() {
      if (taken === 0) return Promise.resolve();
      return new Promise((resolve) => whenSettled.push(resolve));
    },
    close() {
      headAtClose ??= entries[first]?.message.offset ?? next;
      leaving.abort();
      entries = [];
      released = [];
      first = 0;
      fresh = 0;
      taken = 0;
      heldBytes = 0;
      answerSettled();
    },
  };
}
