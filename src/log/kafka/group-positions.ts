/** Positions of a group, read and set by a process that is no member. */
import type { CommittedPosition, Position } from "../log.ts";
import { findCoordinator } from "./any-broker.ts";
import { readCommitMetadata, toOffset } from "./convert.ts";
import type { Broker, Cluster } from "./driver/types.ts";
import { byPartition, readPartitions } from "./offsets.ts";

export async function connectCoordinator(cluster: Cluster, groupId: string): Promise<Broker> {
  return cluster.findBroker({ nodeId: await findCoordinator(cluster, groupId) });
}

export async function readCommitted(cluster: Cluster, groupId: string, topic: string): Promise<CommittedPosition[]> {
  const partitions = await readPartitions(cluster, topic);
  const coordinator = await connectCoordinator(cluster, groupId);
  const { responses } = await coordinator.offsetFetch({ groupId, topics: [{ topic, partitions }] });
  return responses
    .flatMap((response) => response.partitions)
    .map(({ partition, offset, metadata }) => {
      const oldestOpenAt = readCommitMetadata(metadata);
      return { partition, offset: toOffset(offset), ...(oldestOpenAt === undefined ? {} : { oldestOpenAt }) };
    })
    .filter(({ offset }) => offset >= 0)
    .sort(byPartition);
}

export async function placeGroup(cluster: Cluster, groupId: string, topic: string, positions: Position[]): Promise<void> {
  const coordinator = await connectCoordinator(cluster, groupId);
  const partitions = positions.map(({ partition, offset }) => ({ partition, offset: String(offset), metadata: "" }));
  // Without a generation Kafka takes a commit for a group that has no member, and refuses it for any other.
  await coordinator.offsetCommit({ groupId, groupGenerationId: -1, memberId: "", topics: [{ topic, partitions }] });
}
