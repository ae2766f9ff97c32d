import { droppedMemory } from "../lib/process/dropped-memory.ts";
import type { Log, Message, ReadOptions, Topic } from "./log.ts";

const PAGE_MESSAGES = 200;
/** Garbage per byte of a record: its bytes, its text, what was parsed of it. */
const LEFT_PER_BYTE = 5;

/**
 * Messages of one partition from an offset on, up to and not including `end`, page by page; no page is empty. The caller must be done with a page when
 * it asks for the next one.
 */
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
    // Reading a whole log drops all of it, page by page: memory stays as it is, however long the log.
    droppedMemory(LEFT_PER_BYTE * found.reduce((sum, { value }) => sum + value.byteLength, 0));
  }
}

/** Everything that a topic holds now, page by page. */
export async function* readTopic(options: { log: Pick<Log, "read" | "ranges">; topic: Topic }): AsyncGenerator<Message[]> {
  const { log, topic } = options;
  for (const { partition, low, high } of await log.ranges(topic)) yield* readPages({ log, topic, partition, from: low, end: high });
}
