import type { Log, Message, ReadOptions, Topic } from "./log.ts";

const PAGE_MESSAGES = 500;

/** Messages of one partition from an offset on, up to and not including `end`, page by page; no page is empty. */
export async function* readPages(options: {
  log: Pick<Log, "read">;
  topic: Topic;
  partition: number;
  from: number;
  end: number;
  pageMessages?: number;
  onUnreadable?: ReadOptions["onUnreadable"];
}): AsyncGenerator<Message[]> {
  const { log, topic, partition, end, pageMessages = PAGE_MESSAGES, onUnreadable } = options;
  for (let from = options.from; from < end; ) {
    const found = await log.read({ topic, partition, from, limit: pageMessages, onUnreadable });
    const page = found.filter(({ offset }) => offset < end);
    if (page.length === 0) return;
    yield page;
    from = (page.at(-1)?.offset ?? from) + 1;
  }
}

/** Everything that a topic holds now, page by page. */
export async function* readTopic(options: { log: Pick<Log, "read" | "ranges">; topic: Topic }): AsyncGenerator<Message[]> {
  const { log, topic } = options;
  for (const { partition, low, high } of await log.ranges(topic)) yield* readPages({ log, topic, partition, from: low, end: high });
}
