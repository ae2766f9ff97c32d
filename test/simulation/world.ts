/** Virtual time and chance: everything that happens in a simulation is an event here, and the seed decides when. */
import type { Clock } from "../../src/lib/time/clock.ts";

export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number from 0 up to, not including, `n`. */
  below(n: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

/** sfc32 (PractRand-tested, public domain), seeded from one number. */
export function createRandom(seed: number): Random {
  let [a, b, c, d] = [seed | 0, (seed ^ 0x9e3779b9) | 0, 0x243f6a88, 1];
  const next = () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4_294_967_296;
  };
  for (let i = 0; i < 15; i += 1) next();
  const below = (n: number) => Math.floor(next() * n);
  return { next, below, chance: (probability) => next() < probability, pick: (items) => items[below(items.length)] as never };
}

/** A process of the simulation: once it has crashed nothing of it goes on, while it is frozen everything of it waits. */
export interface Process {
  name: string;
  alive: boolean;
  frozenUntilMs: number;
}

interface Event {
  atMs: number;
  /** Decides between events of one moment, so that the seed tries every order. */
  lot: number;
  owner: Process | undefined;
  run(): void;
}

export interface World {
  random: Random;
  now(): number;
  /** Runs the task later; never, if its process has crashed by then. */
  at(delayMs: number, run: () => void, owner?: Process): void;
  /** Time and chance as one process sees them: its wall clock may be wrong and may jump. */
  clockOf(process: Process, wall: { offsetMs: number }): Clock;
  /** Runs events until there is none left, the time is over, or `stop` says so; all that promises do between two events is done. */
  run(options: { untilMs: number; stop?: () => boolean }): Promise<void>;
  readonly events: number;
}

const EPOCH_MS = 1_700_000_000_000;

export function createWorld(seed: number): World {
  const random = createRandom(seed);
  const heap: Event[] = [];
  let nowMs = 0;
  let events = 0;

  const earlier = (a: Event, b: Event) => (a.atMs === b.atMs ? a.lot < b.lot : a.atMs < b.atMs);
  function push(event: Event): void {
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!earlier(event, heap[parent] as Event)) break;
      heap[i] = heap[parent] as Event;
      i = parent;
    }
    heap[i] = event;
  }
  function pop(): Event | undefined {
    const top = heap[0];
    const last = heap.pop();
    if (!top || !last || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!earlier(heap[child] as Event, last)) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
    return top;
  }

  const world: World = {
    random,
    now: () => nowMs,
    get events() {
      return events;
    },
    at(delayMs, run, owner) {
      push({ atMs: nowMs + Math.max(0, delayMs), lot: random.next(), owner, run });
    },
    clockOf(process, wall) {
      return {
        nowMs: () => EPOCH_MS + nowMs + wall.offsetMs,
        monotonicMs: () => nowMs,
        random: random.next,
        defer: (task) => world.at(0, task, process),
        sleep(ms, signal) {
          if (signal?.aborted) return Promise.resolve();
          return new Promise((resolve) => {
            const end = () => {
              signal?.removeEventListener("abort", end);
              resolve();
            };
            signal?.addEventListener("abort", end, { once: true });
            world.at(ms, end, process);
          });
        },
      };
    },
    async run({ untilMs, stop = () => false }) {
      while (!stop()) {
        const event = pop();
        if (!event) return;
        if (event.atMs > untilMs) {
          push(event);
          nowMs = Math.max(nowMs, untilMs);
          return;
        }
        nowMs = Math.max(nowMs, event.atMs);
        const { owner } = event;
        if (owner && !owner.alive) continue;
        if (owner && owner.frozenUntilMs > nowMs) {
          push({ ...event, atMs: owner.frozenUntilMs });
          continue;
        }
        events += 1;
        event.run();
        // All microtasks, however deep, run before the next macrotask.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
  return world;
}

/** The ledger's clock. */
export function databaseNowMs(world: Pick<World, "now">): number {
  return EPOCH_MS + world.now();
}
