import { createKeyedQueue } from "../../src/connector/index.ts";
import { type Channel, parentOf } from "./channel-cache.ts";
import { codeOf } from "./errors.ts";

/** The parent cannot take a reply, for good: it was deleted, or its thread is locked. Nothing was posted. */
const NO_THREAD = new Set(["thread_not_found", "invalid_thread_ts", "cannot_reply_to_message", "restricted_action_thread_locked"]);

/** Writes the messages of one customer one after the other, each under the first. */
export interface Threads {
  /** `post` writes into the thread, or into the channel when it gets none: that message begins a thread. */
  write<T>(options: { channel: Channel; customer: string; forMs: number; post(thread: string | undefined): Promise<T> }): Promise<T>;
}

export function createThreads(): Threads {
  const queue = createKeyedQueue();
  return {
    write: ({ channel, customer, forMs, post }) =>
      queue.run(`${channel.id} ${customer}`, async () => {
        const thread = parentOf(channel, { customer, forMs });
        try {
          return await post(thread);
        } catch (error) {
          if (thread === undefined || !NO_THREAD.has(codeOf(error) ?? "")) throw error;
          channel.messages.delete(thread);
          return post(undefined);
        }
      }),
  };
}
