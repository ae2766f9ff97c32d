import type { KafkaEvent } from "./client.ts";
import type { ConsumerGroup } from "./driver/types.ts";
import { hasErrorCode } from "./errors.ts";
import type { Explain } from "./explain.ts";
import type { GenerationWindows } from "./generation.ts";

/** The group moved on: the next generation begins at what was committed before. */
const SUPERSEDED = ["REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID"];

export interface Committer {
  /** Commits what has moved. One commit at a time: it waits for the one under way first. False: it did not succeed. Never rejects. */
  commit(group: ConsumerGroup, generation: GenerationWindows): Promise<boolean>;
  /** For how long commits have failed in a row; 0 when the last one succeeded. */
  failingForMs(): number;
}

export function createCommitter(options: {
  topic: string;
  groupId: string;
  explain: Explain;
  onEvent(event: KafkaEvent): void;
  onCommitted(): void;
}): Committer {
  const { topic, groupId, explain, onEvent, onCommitted } = options;
  let underWay: Promise<boolean> = Promise.resolve(true);
  let failingSinceMs: number | undefined;

  async function commitNow(group: ConsumerGroup, generation: GenerationWindows): Promise<boolean> {
    // Under a newer generation this commit would rewind the partitions' new owner: the broker does not check who is assigned.
    if (group.offsetManager !== generation.manager) return false;
    const moved = generation.uncommitted(topic);
    if (!moved) return true;
    try {
      await group.commitOffsets(moved.offsets);
      moved.committed();
      failingSinceMs = undefined;
      onCommitted();
      return true;
    } catch (error) {
      if (!hasErrorCode(error, SUPERSEDED)) {
        if (failingSinceMs === undefined) {
          const { message } = explain(error, { topic, group: groupId, operation: "Read" });
          onEvent({ severity: "warning", text: `the position could not be committed: ${message}`, group: groupId });
        }
        failingSinceMs ??= performance.now();
      }
      return false;
    }
  }

  return {
    commit(group, generation) {
      underWay = underWay.then(() => commitNow(group, generation));
      return underWay;
    },
    failingForMs: () => (failingSinceMs === undefined ? 0 : performance.now() - failingSinceMs),
  };
}
