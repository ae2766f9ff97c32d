import type { Message, Taken } from "./log.ts";

/**
 * What one member has of one partition: buffered, taken and done messages between the committed position and the next fetch.
 * Messages are handed out in order and acknowledged in any order; the committed position never passes one that is not done.
 * It knows nothing of an engine. Each time a partition is assigned it gets a new window, so late acks of an earlier one do nothing.
 */
export interface PartitionWindow {
  readonly partition: number;
  /** Adds fetched messages; those below `next` are repeats and are dropped. */
  offer(messages: Message[]): void;
  /** Continues at `offset`: the log no longer keeps what lay between. Backwards it does nothing. */
  skipTo(offset: number): void;
  /** Hands out up to `max` buffered messages, released ones first. */
  take(max: number): Taken[];
  /** The offset to fetch from. */
  readonly next: number;
  /** The position to commit: everything below it is done. Does not move any more once the window is closed. */
  readonly commitOffset: number;
  /** When the log took the first message that is not done. Unix ms. */
  readonly oldestOpenAt: number | undefined;
  /** Handed out, neither acknowledged nor released. */
  readonly taken: number;
  /** Not yet handed out. */
  readonly buffered: number;
  /** Messages and bytes above the committed position: what bounds the window. */
  readonly heldMessages: number;
  readonly heldBytes: number;
  /** Hands out nothing more and aborts the signal of what is taken; acks still count until `close`. */
  drain(): void;
  /** Resolves when nothing is taken. */
  whenIdle(): Promise<void>;
  /** Forgets everything: acks and releases from now on do nothing. */
  close(): void;
  readonly closed: boolean;
}

interface WindowOptions {
  partition: number;
  from: number;
  /** Called after each ack and release: there may be a position to commit, room to fetch, or a message to hand out. */
  onChange(): void;
}

interface Entry {
  message: Message;
  bytes: number;
  state: "buffered" | "taken" | "done";
}

export function createWindow(options: WindowOptions): PartitionWindow {
  return new Window(options);
}

class Window implements PartitionWindow {
  readonly partition: number;
  next: number;
  taken = 0;
  heldBytes = 0;
  readonly #onChange: () => void;
  readonly #draining = new AbortController();
  #entries: Entry[] = [];
  /** Entries before this index are done and dropped now and then. */
  #first = 0;
  /** Entries from this index on have never been handed out. */
  #neverTaken = 0;
  #released: Entry[] = [];
  #offsetAtClose: number | undefined;
  #waitingForIdle: (() => void)[] = [];

  constructor({ partition, from, onChange }: WindowOptions) {
    this.partition = partition;
    this.next = from;
    this.#onChange = onChange;
  }

  offer(messages: Message[]): void {
    if (this.closed) return;
    for (const message of messages) {
      if (message.offset < this.next) continue;
      const bytes = message.value.byteLength + message.key.length + 200;
      this.#entries.push({ message, bytes, state: "buffered" });
      this.heldBytes += bytes;
      this.next = message.offset + 1;
    }
  }

  skipTo(offset: number): void {
    if (!this.closed) this.next = Math.max(this.next, offset);
  }

  take(max: number): Taken[] {
    if (this.#draining.signal.aborted) return [];
    const again = this.#released.splice(0, max);
    const firstTime = this.#entries.slice(this.#neverTaken, this.#neverTaken + max - again.length);
    this.#neverTaken += firstTime.length;
    return [...again, ...firstTime].map((entry) => this.#handOut(entry));
  }

  get commitOffset(): number {
    return this.#offsetAtClose ?? this.#entries[this.#first]?.message.offset ?? this.next;
  }

  get oldestOpenAt(): number | undefined {
    return this.#entries[this.#first]?.message.appendedAt;
  }

  get buffered(): number {
    return this.#entries.length - this.#neverTaken + this.#released.length;
  }

  get heldMessages(): number {
    return this.#entries.length - this.#first;
  }

  get closed(): boolean {
    return this.#offsetAtClose !== undefined;
  }

  drain(): void {
    this.#draining.abort();
  }

  whenIdle(): Promise<void> {
    if (this.taken === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForIdle.push(resolve));
  }

  close(): void {
    this.#offsetAtClose ??= this.commitOffset;
    this.#draining.abort();
    this.#entries = [];
    this.#released = [];
    this.#first = 0;
    this.#neverTaken = 0;
    this.taken = 0;
    this.heldBytes = 0;
    this.#answerIdle();
  }

  #handOut(entry: Entry): Taken {
    entry.state = "taken";
    this.taken += 1;
    // Bound to this handing out, not to the entry: a late second end must not settle what another one has taken since.
    let ended = false;
    const end = (state: "buffered" | "done") => {
      if (ended) return;
      ended = true;
      this.#settle(entry, state);
    };
    return { message: entry.message, signal: this.#draining.signal, ack: () => end("done"), release: () => end("buffered") };
  }

  #settle(entry: Entry, state: "buffered" | "done"): void {
    if (this.closed) return;
    entry.state = state;
    this.taken -= 1;
    if (state === "buffered") {
      this.#released.push(entry);
      this.#released.sort((a, b) => a.message.offset - b.message.offset);
    } else {
      this.#dropDone();
    }
    if (this.taken === 0) this.#answerIdle();
    this.#onChange();
  }

  #dropDone(): void {
    for (let entry = this.#entries[this.#first]; entry?.state === "done"; entry = this.#entries[this.#first]) {
      this.heldBytes -= entry.bytes;
      this.#first += 1;
    }
    if (this.#first > 1024 || this.#first === this.#entries.length) {
      this.#entries.splice(0, this.#first);
      this.#neverTaken -= this.#first;
      this.#first = 0;
    }
  }

  #answerIdle(): void {
    const answered = this.#waitingForIdle;
    this.#waitingForIdle = [];
    for (const resolve of answered) resolve();
  }
}
