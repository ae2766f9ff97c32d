import { UnreachableError } from "../../errors.ts";
import { withTimeout } from "../../lib/async/timeout.ts";
import { createErrorFromCode } from "./driver/load.ts";
import type { Cluster } from "./driver/types.ts";
import { DENIED, hasErrorCode } from "./errors.ts";
import type { Explain } from "./explain.ts";
import { connectCoordinator } from "./group-positions.ts";
import type { Deed } from "./sentences.ts";
import type { TopicInfo } from "./topic-id.ts";

const WITHIN_MS = 3_000;
const TOPIC_AUTHORIZATION_FAILED = 29;
/** Kafka's numbers of what a user may do (`AclOperation`). */
const OPERATION = { Read: 3, Write: 4 };

export interface Rights {
  /** @throws {UnreachableError} where this user may not join the group, as far as the brokers say now. */
  refuseGroup(groupId: string): Promise<void>;
  /** @throws {UnreachableError} where this user may not do it. */
  refuseTopic(topic: string, operation: "Read" | "Write"): Promise<void>;
}

/** Groups and topics are named as Kafka knows them, with the prefix. */
export function createRights(options: {
  cluster: Cluster;
  address: string;
  explain: Explain;
  topicInfo(topic: string): Promise<TopicInfo>;
}): Rights {
  const { cluster, address, explain, topicInfo } = options;

  function denied(error: unknown, deed: Deed): UnreachableError {
    const { message, hint } = explain(error, deed);
    return new UnreachableError(message, { address, hint, cause: error });
  }

  return {
    async refuseGroup(groupId) {
      try {
        const coordinator = await withTimeout(WITHIN_MS, connectCoordinator(cluster, groupId));
        // It asks for the right to read the group before it finds that there is no such member.
        await withTimeout(WITHIN_MS, coordinator.heartbeat({ groupId, groupGenerationId: -1, memberId: "" }));
      } catch (error) {
        if (hasErrorCode(error, DENIED)) throw denied(error, { group: groupId, operation: "Read" });
      }
    },
    async refuseTopic(topic, operation) {
      const info = await withTimeout(WITHIN_MS, topicInfo(topic)).catch(() => undefined);
      if (info?.operations === undefined || info.operations.has(OPERATION[operation])) return;
      throw denied(createErrorFromCode(TOPIC_AUTHORIZATION_FAILED), { topic, operation });
    },
  };
}
