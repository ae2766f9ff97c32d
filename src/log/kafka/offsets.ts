/** What a topic's leaders say of its offsets. */
import type { PartitionRange, Position } from "../log.ts";
import { toOffset } from "./convert.ts";
import type { Cluster, OffsetQuery } from "./driver/types.ts";

export async function readPartitions(cluster: Cluster, topic: string): Promise<{ partition: number }[]> {
  await cluster.addMultipleTargetTopics([topic]);
  await cluster.refreshMetadataIfNecessary();
  return cluster
    .findTopicPartitionMetadata(topic)
    .map(({ partitionId }) => ({ partition: partitionId }))
    .sort(byPartition);
}

/** Offsets by partition; those without an answer (none at or after a time) are absent. */
async function readOffsets(
  cluster: Cluster,
  topic: string,
  where: { fromBeginning: boolean } | { fromTimestamp: number },
): Promise<Map<number, number>> {
  const query: OffsetQuery = { topic, partitions: await readPartitions(cluster, topic), ...where };
  const [answer] = await cluster.fetchTopicsOffset([query]);
  const found = (answer?.partitions ?? []).map(({ partition, offset }): [number, number] => [partition, toOffset(offset)]);
  return new Map(found.filter(([, offset]) => offset >= 0));
}

export async function readRanges(cluster: Cluster, topic: string): Promise<PartitionRange[]> {
  const low = await readOffsets(cluster, topic, { fromBeginning: true });
  const high = await readOffsets(cluster, topic, { fromBeginning: false });
  return [...high].map(([partition, end]) => ({ partition, low: low.get(partition) ?? end, high: end })).sort(byPartition);
}

export async function readOffsetsAt(cluster: Cluster, topic: string, atMs: number): Promise<Position[]> {
  // The ends first: a record that comes between the two questions must not be passed over.
  const ends = await readOffsets(cluster, topic, { fromBeginning: false });
  const found = await readOffsets(cluster, topic, { fromTimestamp: atMs });
  return [...ends].map(([partition, end]) => ({ partition, offset: found.get(partition) ?? end })).sort(byPartition);
}

export function byPartition(a: { partition: number }, b: { partition: number }): number {
  return a.partition - b.partition;
}
