/**
 * Three moments in a member's life that kafkajs 2.2.4 does not tell of:
 *
 * - *Before it joins again.* kafkajs rejoins at once; whatever is being worked on is handed to the next owner a second time
 *   (no revoke callback; a commit from a REBALANCING listener is not waited for). `beforeJoin` is a barrier: it is awaited.
 * - *Before it fetches.* Any rejoin sets the position back to the committed offset, a partition without one to the oldest, both
 *   without saying so. `beforeFetch` sets the positions; if it fails, kafkajs recovers as from a failed fetch.
 * - *When its position lies outside of what the log keeps.* kafkajs commits "earliest" and goes on (issue 1119). `outOfRange` decides.
 *
 * The hooks ride on the partition assigner: the one object of ours that kafkajs hands to each `ConsumerGroup`, also after a crash.
 */
import { type PartitionAssigner, PartitionAssigners } from "kafkajs";
import { isFault } from "./faults.ts";
import { ConsumerGroup, patch } from "./internals.ts";

export interface MemberHooks {
  beforeJoin(group: ConsumerGroup): Promise<void>;
  /** Joined, nothing fetched yet. A throw sends the member away. */
  joined(group: ConsumerGroup): Promise<void>;
  beforeFetch(group: ConsumerGroup): Promise<void>;
  /** No broker names the group's coordinator. A throw ends the member for good, else it goes on asking. */
  noCoordinator(group: ConsumerGroup): Promise<void>;
  outOfRange(group: ConsumerGroup, partition: number): Promise<void>;
}

const HOOKS = Symbol.for("patchbay.member-hooks");

/** Round robin, as kafkajs has it, carrying the hooks. */
export function assignerWith(hooks: MemberHooks): PartitionAssigner {
  return (config) => Object.assign(PartitionAssigners.roundRobin(config), { [HOOKS]: hooks });
}

function hooksOf(group: ConsumerGroup): MemberHooks | undefined {
  const [assigner] = group.assigners;
  return assigner && (Reflect.get(assigner, HOOKS) as MemberHooks | undefined);
}

/** Fetchers of several brokers may each want to rejoin; one join serves them all. */
const joining = new WeakMap<ConsumerGroup, Promise<void>>();

patch<ConsumerGroup>({
  name: "ConsumerGroup",
  prototype: ConsumerGroup.prototype,
  methods: (original) => ({
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
          if (!isFault(error, ["KafkaJSGroupCoordinatorNotFound"])) throw error;
          await hooks.noCoordinator(this).catch((final) => {
            // What does not say so is tried again.
            throw Object.assign(final, { retriable: false });
          });
          throw Object.assign(new Error("no broker names the group's coordinator"), { retriable: true });
        }
        await hooks.joined(this);
      };
      const under = joining.get(this) ?? join().finally(() => joining.delete(this));
      joining.set(this, under);
      return under;
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
  }),
});
