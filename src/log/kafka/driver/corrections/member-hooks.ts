import { hasErrorCode } from "../../errors.ts";
import type { ConsumerGroup } from "../types.ts";
import type { Correction } from "./correction.ts";
import { replaceMethods } from "./correction.ts";

/** Moments in a member's life. */
export interface MemberHooks {
  beforeJoin(group: ConsumerGroup): Promise<void>;
  /** Joined, nothing fetched yet. A throw sends the member away. */
  joined(group: ConsumerGroup): Promise<void>;
  beforeFetch(group: ConsumerGroup): Promise<void>;
  /** No broker names the group's coordinator. A throw ends the member for good; otherwise it asks again. */
  noCoordinator(group: ConsumerGroup): Promise<void>;
  outOfRange(group: ConsumerGroup, partition: number): Promise<void>;
}

/** They ride on the partition assigner: the one object of ours that kafkajs hands to each `ConsumerGroup`, also after a crash. */
export const HOOKS: unique symbol = Symbol("hooks of a member");

function hooksOf(group: ConsumerGroup): MemberHooks | undefined {
  const [assigner] = group.assigners;
  return assigner && (Reflect.get(assigner, HOOKS) as MemberHooks | undefined);
}

/** Fetchers of several brokers may each want to rejoin; one join serves them all. */
const joining = new WeakMap<ConsumerGroup, Promise<void>>();

/**
 * Three moments of which kafkajs 2.2.4 says nothing:
 *
 * - *Before it joins again.* kafkajs rejoins at once, so the next owner gets a second time what is being worked on (no revoke callback; a
 *   commit from a REBALANCING listener is not awaited). `beforeJoin` is a barrier: it is awaited.
 * - *Before it fetches.* Any rejoin sets the position back to the committed offset, a partition without one to the oldest, both silently.
 *   `beforeFetch` sets the positions; if it fails, kafkajs recovers as from a failed fetch.
 * - *When its position lies outside of what the log keeps.* kafkajs commits "earliest" and reads on (issue 1119). `outOfRange` decides.
 */
export const memberHooks: Correction = {
  name: "hooks of a member",
  change(kafkajs) {
    const { prototype } = kafkajs.load<{ prototype: ConsumerGroup }>("src/consumer/consumerGroup");
    replaceMethods(prototype, (original) => ({
      joinAndSync(this: ConsumerGroup) {
        const hooks = hooksOf(this);
        if (!hooks) return original.joinAndSync.call(this);
        const join = async () => {
          await hooks.beforeJoin(this);
          try {
            await original.joinAndSync.call(this);
          } catch (error) {
            // Every broker failed to name the coordinator just now: kafkajs takes it for final and would never restart the consumer.
            // It says the same where this user may not ask.
            if (!hasErrorCode(error, ["KafkaJSGroupCoordinatorNotFound"])) throw error;
            await hooks.noCoordinator(this).catch((final) => {
              // An error that does not say so is tried again.
              throw Object.assign(final, { retriable: false });
            });
            throw Object.assign(new Error("no broker names the group's coordinator"), { retriable: true });
          }
          await hooks.joined(this);
        };
        const running = joining.get(this) ?? join().finally(() => joining.delete(this));
        joining.set(this, running);
        return running;
      },

      async fetch(this: ConsumerGroup, nodeId) {
        const hooks = hooksOf(this);
        try {
          await hooks?.beforeFetch(this);
        } catch (error) {
          await this.recoverFromFetch(error);
          return [];
        }
        return original.fetch.call(this, nodeId);
      },

      recoverFromOffsetOutOfRange(this: ConsumerGroup, error) {
        const hooks = hooksOf(this);
        return hooks ? hooks.outOfRange(this, error.partition) : original.recoverFromOffsetOutOfRange.call(this, error);
      },
    }));
  },
};
