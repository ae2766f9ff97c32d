import { coordinatorLookUp } from "./corrections/coordinator-look-up.ts";
import type { Correction } from "./corrections/correction.ts";
import { encoderCopies } from "./corrections/encoder-copies.ts";
import { idleTimer } from "./corrections/idle-timer.ts";
import { memberHooks } from "./corrections/member-hooks.ts";
import { partitionErrors } from "./corrections/partition-errors.ts";
import { checksum, recordEncoding } from "./corrections/produce-encoding.ts";
import { syncTimeout } from "./corrections/sync-timeout.ts";
import { topicErrors } from "./corrections/topic-errors.ts";
import { unreadableBatches } from "./corrections/unreadable-batches.ts";
import { openPrivateCopy, type PrivateCopy } from "./private-copy.ts";
import type * as types from "./types.ts";

const KNOWN_VERSION = "2.2.4";

export const CORRECTIONS: readonly Correction[] = [
  idleTimer,
  partitionErrors,
  topicErrors,
  unreadableBatches,
  checksum,
  recordEncoding,
  encoderCopies,
  syncTimeout,
  coordinatorLookUp,
  memberHooks,
];

/**
 * A copy of kafkajs with these corrections, and no other user of it in the process sees them.
 * @throws {Error} where another version is installed than the one that the corrections were written for.
 */
export function openCorrectedCopy(corrections: readonly Correction[]): PrivateCopy {
  const copy = openPrivateCopy();
  const { version } = copy.load<{ version: string }>("package.json");
  if (version !== KNOWN_VERSION)
    throw new Error(
      `kafkajs ${KNOWN_VERSION} is needed, ${version} is installed: Patchbay corrects faults inside kafkajs, and knows that version only`,
    );
  for (const { replaces = {} } of corrections) for (const [path, exports] of Object.entries(replaces)) copy.replace(path, exports);
  for (const { change } of corrections) change?.(copy);
  return copy;
}

function load(): types.Kafkajs {
  const copy = openCorrectedCopy(CORRECTIONS);
  return {
    ...copy.load<Pick<types.Kafkajs, "Kafka" | "logLevel" | "PartitionAssigners">>("index.js"),
    Cluster: copy.load("src/cluster"),
    ...copy.load<Pick<types.Kafkajs, "createErrorFromCode">>("src/protocol/error"),
    ...copy.load<Pick<types.Kafkajs, "createLogger">>("src/loggers"),
  };
}

export const { Kafka, logLevel, PartitionAssigners, Cluster, createErrorFromCode, createLogger } = load();
export type Kafka = types.Kafka;
export type Cluster = types.Cluster;
