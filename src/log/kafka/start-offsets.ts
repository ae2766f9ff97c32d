import type { CommittedPosition, Position } from "../log.ts";
import { readCommitMetadata, toOffset } from "./convert.ts";
import type { Cluster, ConsumerGroup } from "./driver/types.ts";

/**
 * Where a member begins in each of its partitions: at the group's commit, else at `start`, else at the oldest record kept.
 * `reached` is how far this very member had come in the generation before: its last commit may have failed.
 */
export async function readStartOffsets(options: {
  group: ConsumerGroup;
  topic: string;
  partitions: number[];
  start: Position[];
  reached: Map<number, number>;
}): Promise<{ partition: number; from: number; commit: CommittedPosition | undefined }[]> {
  const { group, topic, partitions, start, reached } = options;
  const commits = await readCommits(options);
  const unknown = partitions.filter((partition) => !commits.has(partition) && !start.some((one) => one.partition === partition));
  const oldest = await fetchOffsets(group.cluster, topic, unknown, { fromBeginning: true });
  return partitions.map((partition) => {
    const commit = commits.get(partition);
    const from = commit?.offset ?? start.find((one) => one.partition === partition)?.offset ?? oldest.get(partition) ?? 0;
    return { partition, from: Math.max(from, reached.get(partition) ?? 0), commit };
  });
}

async function readCommits(options: {
  group: ConsumerGroup;
  topic: string;
  partitions: number[];
}): Promise<Map<number, CommittedPosition>> {
  const { group, topic, partitions } = options;
  if (partitions.length === 0) return new Map();
  const asked = partitions.map((partition) => ({ partition }));
  const { responses } = await group.coordinator.offsetFetch({ groupId: group.groupId, topics: [{ topic, partitions: asked }] });
  const commits = new Map<number, CommittedPosition>();
  for (const { partition, offset, metadata } of responses.flatMap((response) => response.partitions)) {
    const oldestOpenAt = readCommitMetadata(metadata);
    const position = { partition, offset: toOffset(offset) };
    if (position.offset >= 0) commits.set(partition, oldestOpenAt === undefined ? position : { ...position, oldestOpenAt });
  }
  return commits;
}

/** The oldest offset kept, or the end, of each partition. */
export async function fetchOffsets(
  cluster: Cluster,
  topic: string,
  partitions: number[],
  where: { fromBeginning: boolean },
): Promise<Map<number, number>> {
  if (partitions.length === 0) return new Map();
  const [answer] = await cluster.fetchTopicsOffset([{ topic, partitions: partitions.map((partition) => ({ partition })), ...where }]);
  return new Map((answer?.partitions ?? []).map(({ partition, offset }) => [partition, toOffset(offset)]));
}
