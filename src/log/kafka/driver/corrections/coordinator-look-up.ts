import { setTimeout as delay } from "node:timers/promises";
import { withTimeout } from "../../../../lib/async/timeout.ts";
import { hasErrorCode } from "../../errors.ts";
import type { ConsumerGroup } from "../types.ts";
import type { Correction } from "./correction.ts";
import { replaceMethods } from "./correction.ts";

/** Shorter than a session: what is not answered by then becomes kafkajs' error, and it rejoins. */
const LOOK_FOR_MS = 3_000;
const LOOK_AGAIN_MS = 100;

const MOVED = [
  "NOT_COORDINATOR_FOR_GROUP",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "GROUP_LOAD_IN_PROGRESS",
  "KafkaJSConnectionError",
  "KafkaJSConnectionClosedError",
  "KafkaJSRequestTimeoutError",
  "KafkaJSBrokerNotFound",
  "KafkaJSGroupCoordinatorNotFound",
];

async function askCoordinator(group: ConsumerGroup, request: () => Promise<void>): Promise<void> {
  const manager = group.offsetManager;
  const deadlineMs = performance.now() + LOOK_FOR_MS;
  for (;;) {
    try {
      return await request();
    } catch (error) {
      const leftMs = deadlineMs - performance.now();
      // After a rejoin it is another generation's question, and its answer is of no use.
      if (!hasErrorCode(error, MOVED) || leftMs <= 0 || group.offsetManager !== manager) throw error;
      await lookUp(group, leftMs);
    }
  }
}

async function lookUp(group: ConsumerGroup, leftMs: number): Promise<void> {
  const { cluster, groupId, offsetManager } = group;
  await delay(LOOK_AGAIN_MS);
  try {
    const coordinator = await withTimeout(leftMs, cluster.findGroupCoordinator({ groupId }));
    if (group.offsetManager !== offsetManager) return;
    group.coordinator = coordinator;
    if (offsetManager) offsetManager.coordinator = coordinator;
  } catch {
    // The question is asked again until the time ends.
  }
}

/**
 * A member of a group keeps talking to the coordinator it joined through. When that broker dies, kafkajs 2.2.4 repeats commits and
 * heartbeats against it until its retries are spent, then crashes, while what it reads stays uncommitted (tulios/kafkajs issues 1439 and
 * 1163; 1,600 to 3,600 messages handed out twice when tried). With the correction the coordinator is looked up and asked again.
 */
export const coordinatorLookUp: Correction = {
  name: "a coordinator that moved",
  change(kafkajs) {
    const { prototype } = kafkajs.load<{ prototype: ConsumerGroup }>("src/consumer/consumerGroup");
    replaceMethods(prototype, (original) => ({
      commitOffsets(this: ConsumerGroup, offsets) {
        // Bound to the generation it was meant for: with a newer one it could rewind the partitions' new owner.
        const manager = this.offsetManager;
        return askCoordinator(this, async () => manager?.commitOffsets(offsets));
      },
      heartbeat(this: ConsumerGroup, options) {
        return askCoordinator(this, () => original.heartbeat.call(this, options));
      },
    }));
  },
};
