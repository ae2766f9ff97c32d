/** Options of {@link createBatcher}. */
export interface BatcherOptions<Item, Result> {
  /** Does the work for several items at once; one result per item, in the items' order. */
  run(items: Item[]): Promise<Result[]>;
  /** At most so many items in one run. */
  maxItems: number;
  /** At most so many bytes in one run, as `sizeOf` counts them; a single larger item runs alone. */
  maxBytes?: number;
  sizeOf?(item: Item): number;
  /** An item that runs with no other. */
  alone?(item: Item): boolean;
  /** Runs under way at once; 1 keeps the items' order. */
  concurrency?: number;
  /** Runs a task soon; default `setImmediate`. */
  defer?(task: () => void): void;
  /** How long an item waits for others to run with it; a full run does not wait. Default 0. */
  lingerMs?: number;
  /** Runs a task after a time; default `setTimeout`. */
  after?(ms: number, task: () => void): void;
}

export interface Batcher<Item, Result> {
  /** Resolves with the item's own result; rejects when the run it was part of threw. */
  add(item: Item): Promise<Result>;
  /** Items added and not yet answered. */
  readonly size: number;
}

interface Entry<Item, Result> {
  item: Item;
  bytes: number;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Natural batching: an idle batcher runs an item on the next turn of the event loop; while a run is
 * under way, items gather and go together in the next one. No timer, so nothing waits when there is
 * nothing to wait for, and batches grow just as large as the load makes them. Where a run costs much
 * however small it is, `lingerMs` makes fewer and larger ones.
 */
export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  const {
    run,
    maxItems,
    maxBytes = Number.POSITIVE_INFINITY,
    sizeOf = () => 0,
    alone = () => false,
    concurrency = 1,
    defer = setImmediate,
    lingerMs = 0,
    after = (ms, task) => void setTimeout(task, ms),
  } = options;
  const waiting: Entry<Item, Result>[] = [];
  let head = 0;
  let running = 0;
  let inRun = 0;
  let scheduled = false;
  /** Of those waiting, how many have waited long enough, from the front. */
  let ripe = 0;
  let lingering = false;

  function nextBatch(): Entry<Item, Result>[] {
    const batch: Entry<Item, Result>[] = [];
    let bytes = 0;
    while (head < waiting.length && batch.length < maxItems) {
      const entry = waiting[head] as Entry<Item, Result>;
      if (batch.length > 0 && (bytes + entry.bytes > maxBytes || alone(entry.item))) break;
      bytes += entry.bytes;
      batch.push(entry);
      head += 1;
      if (alone(entry.item)) break;
    }
    ripe = Math.max(0, ripe - batch.length);
    // Shifting one by one is quadratic in a backlog; dropping the used front now and then is not.
    if (head === waiting.length || head > 4096) {
      waiting.splice(0, head);
      head = 0;
    }
    return batch;
  }

  async function runBatch(batch: Entry<Item, Result>[]): Promise<void> {
    running += 1;
    inRun += batch.length;
    try {
      const results = await run(batch.map((entry) => entry.item));
      if (results.length !== batch.length) {
        throw new Error(`a batch of ${batch.length} items was answered with ${results.length} results`);
      }
      for (const [index, entry] of batch.entries()) entry.resolve(results[index] as Result);
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    } finally {
      running -= 1;
      inRun -= batch.length;
      startRuns();
    }
  }

  function startRuns(): void {
    while (running < concurrency && head < waiting.length && mayRun()) void runBatch(nextBatch());
  }

  function mayRun(): boolean {
    if (lingerMs === 0 || ripe > 0) return true;
    return waiting.length - head >= maxItems || alone((waiting[head] as Entry<Item, Result>).item);
  }

  function linger(): void {
    if (lingering) return;
    lingering = true;
    after(lingerMs, () => {
      lingering = false;
      ripe = waiting.length - head;
      startRuns();
    });
  }

  return {
    add(item) {
      return new Promise<Result>((resolve, reject) => {
        waiting.push({ item, bytes: sizeOf(item), resolve, reject });
        if (lingerMs > 0) linger();
        if (scheduled || running >= concurrency) return;
        scheduled = true;
        defer(() => {
          scheduled = false;
          startRuns();
        });
      });
    },
    get size() {
      return waiting.length - head + inRun;
    },
  };
}
