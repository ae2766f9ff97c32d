/**
 * What we use of kafkajs, as types: its public ones, and those of parts that it does not export. Its version is pinned and its last release is
 * of 2023, so they change only when we change them.
 */
import type { ISocketFactory, Kafka, logCreator, logLevel, PartitionAssigner, RetryOptions, SASLOptions } from "kafkajs";
import type { KafkaRecord } from "../kafka-record.ts";

export type {
  Admin,
  Batch,
  Consumer,
  ISocketFactory,
  Kafka,
  logCreator,
  Message,
  PartitionAssigner,
  Producer,
  RecordMetadata,
  RetryOptions,
  SASLOptions,
  TopicMessages,
} from "kafkajs";

export interface PartitionMetadata {
  partitionId: number;
  leader: number;
  replicas: number[];
  isr: number[];
}

export interface Metadata {
  clusterId: string;
  brokers: { nodeId: number; host: string; port: number }[];
  topicMetadata: { topic: string; partitionMetadata: PartitionMetadata[] }[];
}

export interface CommittedOffset {
  partition: number;
  /** -1: no commit. */
  offset: string;
  metadata?: string | null;
}

export interface FetchedPartition {
  partition: number;
  highWatermark: string;
  messages: KafkaRecord[];
  /** Kafka's name of an error that is the partition's own: `corrections/partition-errors.ts`. */
  damage?: string;
}

export interface Broker {
  /** By API key; null until it is connected. */
  readonly versions: Record<number, { minVersion: number; maxVersion: number }> | null;
  readonly connectionPool: {
    send<Decoded>(call: {
      request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<{ buf: Buffer; buffer: Buffer }> };
      response: { decode(answer: Buffer): Promise<Decoded>; parse(decoded: Decoded): Promise<Decoded> };
    }): Promise<Decoded>;
  };
  metadata(topics: string[]): Promise<Metadata>;
  fetch(request: {
    replicaId: number;
    isolationLevel: number;
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
  }): Promise<{ responses: { topicName: string; partitions: FetchedPartition[] }[] }>;
  offsetFetch(request: {
    groupId: string;
    topics: { topic: string; partitions: { partition: number }[] }[];
  }): Promise<{ responses: { topic: string; partitions: CommittedOffset[] }[] }>;
  findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<{ coordinator: { nodeId: number } }>;
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
  offsetCommit(request: { groupId: string; groupGenerationId: number; memberId: string; topics: Offsets["topics"] }): Promise<unknown>;
}

/** What `fetchTopicsOffset` looks for in a partition: its oldest offset, its end, or the first at or after a time (-1: none). */
export type OffsetQuery = { topic: string; partitions: { partition: number }[] } & ({ fromBeginning: boolean } | { fromTimestamp: number });

export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  getNodeIds(): string[];
  findBroker(options: { nodeId: number | string }): Promise<Broker>;
  findTopicPartitionMetadata(topic: string): PartitionMetadata[];
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>;
  fetchTopicsOffset(queries: OffsetQuery[]): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>;
  findGroupCoordinator(options: { groupId: string }): Promise<Broker>;
}

export interface ClusterOptions {
  brokers: string[];
  clientId: string;
  ssl: object | undefined;
  sasl: SASLOptions | undefined;
  socketFactory: ISocketFactory;
  connectionTimeout: number;
  requestTimeout: number;
  enforceRequestTimeout: boolean;
  metadataMaxAge: number;
  allowAutoTopicCreation: boolean;
  isolationLevel: number;
  retry: RetryOptions;
  logger: object;
}

/** One generation's view of a member: its commits carry this generation's number, so a later owner cannot be rewound by them. */
export interface OffsetManager {
  coordinator: Broker;
  commitOffsets(offsets: Offsets): Promise<void>;
}

export interface Offsets {
  topics: { topic: string; partitions: { partition: number; offset: string; metadata: string }[] }[];
}

export interface ConsumerGroup {
  readonly cluster: Cluster;
  readonly groupId: string;
  readonly assigners: object[];
  memberId: string | null;
  coordinator: Broker;
  offsetManager: OffsetManager | null;
  assigned(): { topic: string; partitions: number[] }[];
  seek(position: { topic: string; partition: number; offset: string }): void;
  pause(partitions: { topic: string; partitions: number[] }[]): void;
  resume(partitions: { topic: string; partitions: number[] }[]): void;
  joinAndSync(): Promise<void>;
  leave(): Promise<void>;
  fetch(nodeId: string): Promise<unknown[]>;
  recoverFromFetch(error: unknown): Promise<void>;
  recoverFromOffsetOutOfRange(error: { topic: string; partition: number }): Promise<void>;
  commitOffsets(offsets: Offsets): Promise<void>;
  heartbeat(options: { interval: number }): Promise<void>;
}

/** What the driver gives to the rest of the engine. */
export interface Kafkajs {
  Kafka: typeof Kafka;
  logLevel: typeof logLevel;
  PartitionAssigners: { roundRobin: PartitionAssigner };
  Cluster: new (options: ClusterOptions) => Cluster;
  createErrorFromCode(code: number): Error;
  createLogger(options: { level: logLevel; logCreator: logCreator }): object;
}
