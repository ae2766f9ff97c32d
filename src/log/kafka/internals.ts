/**
 * The parts of kafkajs that have no public door, with the types we rely on. kafkajs has no `exports` map, its version is pinned,
 * and its last release is of 2023: what is written here changes only when we change it.
 */
// First, so that kafkajs finds our functions when it loads.
import "./patch-encode.ts";
import "./patch-decode.ts";
import { createRequire } from "node:module";
import type { ISocketFactory, logCreator, logLevel, RetryOptions, SASLOptions } from "kafkajs";
import type { Unreadable } from "./batches.ts";

const KNOWN_VERSION = "2.2.4";

export interface KafkaRecord {
  offset: string;
  timestamp: string;
  key: Buffer | null;
  value: Buffer | null;
  headers?: Record<string, unknown>;
  isControlRecord?: boolean;
  /** In place of a batch that cannot be read: `patch-decode.ts`. */
  unreadable?: Unreadable;
}

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
  /** Kafka's name of an error that is the partition's own: `patch-fetch.ts`. */
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

export interface RequestQueue {
  readonly pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

export interface SyncGroup {
  protocol(options: { version: number }): (request: object) => { request: object; response: object; requestTimeout?: number };
}

/** Of kafkajs' requests: for a version, what makes a request and reads its answer. */
export interface Fetch {
  protocol(options: { version: number }): (request: { maxWaitTime: number }) => {
    response: {
      parse(answer: { responses: { partitions: (FetchedPartition & { errorCode: number })[] }[] }): Promise<unknown>;
    };
  };
}

export interface MetadataRequest {
  protocol(options: { version: number }): (request: { topics: string[] }) => {
    response: {
      parse(answer: { topicMetadata: { topicErrorCode: number; partitionMetadata: { partitionErrorCode: number }[] }[] }): Promise<unknown>;
    };
  };
}

const require = createRequire(import.meta.url);
const { version } = require("kafkajs/package.json") as { version: string };
if (version !== KNOWN_VERSION) {
  throw new Error(
    `kafkajs ${KNOWN_VERSION} is needed, ${version} is installed: Patchbay corrects faults inside kafkajs, and knows that version only`,
  );
}

export const Cluster = require("kafkajs/src/cluster") as new (options: ClusterOptions) => Cluster;
export const ConsumerGroup = require("kafkajs/src/consumer/consumerGroup") as { prototype: ConsumerGroup };
export const RequestQueue = require("kafkajs/src/network/requestQueue") as { prototype: RequestQueue };
export const Fetch = require("kafkajs/src/protocol/requests/fetch") as Fetch;
export const MetadataRequest = require("kafkajs/src/protocol/requests/metadata") as MetadataRequest;
export const SyncGroup = require("kafkajs/src/protocol/requests/syncGroup") as SyncGroup;
export const { createErrorFromCode } = require("kafkajs/src/protocol/error") as { createErrorFromCode(code: number): Error };
export const { createLogger } = require("kafkajs/src/loggers") as {
  createLogger(options: { level: logLevel; logCreator: logCreator }): object;
};

const PATCHED = Symbol.for("patchbay.patched");

/**
 * Replaces methods of a kafkajs class or object, once per process however often our modules are loaded.
 * @throws {Error} when the class has no such methods.
 */
export function patch<Instance extends object>(options: {
  name: string;
  prototype: Instance;
  methods: (original: Instance) => Partial<Instance>;
}): void {
  const { name, prototype, methods } = options;
  const original = Object.create(Object.getPrototypeOf(prototype), Object.getOwnPropertyDescriptors(prototype)) as Instance;
  for (const [method, replacement] of Object.entries(methods(original))) {
    const present: unknown = Reflect.get(prototype, method);
    if (typeof present !== "function")
      throw new Error(`kafkajs has no ${name}.${method}: it is not the kafkajs ${KNOWN_VERSION} that Patchbay knows`);
    if (PATCHED in present) continue;
    Reflect.set(prototype, method, Object.assign(replacement as object, { [PATCHED]: true }));
  }
}
