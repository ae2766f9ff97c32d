/**
 * A topic's own id (KIP-516, Kafka 2.8 and later): it differs from that of a topic of the same name that was created after it was deleted, and
 * of one in another cluster, also where both clusters were formatted with one id, as the apache/kafka image does. kafkajs asks for metadata in
 * version 6 at most, which has no ids; version 10 is the first that has.
 */
import { createErrorFromCode } from "./driver/load.ts";
import type { Broker } from "./driver/types.ts";

const METADATA = 3;
const VERSION = 10;
const ID_BYTES = 16;
const NO_ID = Buffer.alloc(ID_BYTES).toString("base64url");
/** Errors of a topic that is there: partitions without a leader or a listener say so for themselves. */
const LEADER_NOT_AVAILABLE = 5;

export interface TopicInfo {
  clusterId: string;
  /** As `kafka-topics.sh --describe` prints it; undefined for a broker that has no ids. */
  topicId: string | undefined;
  /** By Kafka's numbers (`AclOperation`): what this user may do with the topic; undefined where the broker does not say. */
  operations: Set<number> | undefined;
}

/** One request. @throws kafkajs' error for a topic that does not exist, or that this user may not see. */
export async function askTopic({ broker, topic }: { broker: Broker; topic: string }): Promise<TopicInfo> {
  if ((broker.versions?.[METADATA]?.maxVersion ?? 0) < VERSION) {
    const { clusterId } = await broker.metadata([topic]);
    return { clusterId, topicId: undefined, operations: undefined };
  }
  const bytes = encode(topic);
  const { clusterId, topics } = await broker.connectionPool.send({
    request: { apiKey: METADATA, apiVersion: VERSION, apiName: "Metadata", encode: async () => ({ buf: bytes, buffer: bytes }) },
    response: { decode: async (answer: Buffer) => decode(answer), parse: async (decoded) => decoded },
  });
  const found = topics.find(({ name }) => name === topic);
  if (!found || (found.errorCode !== 0 && found.errorCode !== LEADER_NOT_AVAILABLE)) throw createErrorFromCode(found?.errorCode ?? -1);
  const { id, operations } = found;
  return { clusterId, topicId: id === NO_ID ? undefined : id, operations };
}

/** The first byte belongs to the header, which kafkajs writes in its older form without it: no tagged fields. So does the last. */
function encode(topic: string): Buffer {
  const name = Buffer.from(topic);
  const noTags = [0];
  const [allowAutoTopicCreation, includeClusterOperations, includeTopicOperations] = [0, 0, 1];
  return Buffer.concat([
    Buffer.from(noTags),
    // One topic (lengths are one more than they say), by its name.
    Buffer.from([2]),
    Buffer.alloc(ID_BYTES),
    uvarint(name.length + 1),
    name,
    Buffer.from(noTags),
    Buffer.from([allowAutoTopicCreation, includeClusterOperations, includeTopicOperations]),
    Buffer.from(noTags),
  ]);
}

function uvarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

interface Decoded {
  clusterId: string;
  topics: { errorCode: number; name: string; id: string; operations: Set<number> | undefined }[];
}

function decode(answer: Buffer): Decoded {
  const { take, skip, int16, int32, text, list, tags } = createDecoder(answer);
  const broker = () => {
    skip(4);
    text();
    skip(4);
    text();
    tags();
  };
  const partition = () => {
    skip(2 + 4 + 4 + 4);
    for (const _ of ["replicas", "in sync", "offline"]) list(int32);
    tags();
  };
  const topic = () => {
    const [errorCode, name, id] = [int16(), text(), take(ID_BYTES).toString("base64url")];
    skip(1);
    list(partition);
    const operations = operationsOf(int32());
    tags();
    return { errorCode, name, id, operations };
  };
  tags();
  skip(4);
  list(broker);
  const clusterId = text();
  skip(4);
  return { clusterId, topics: list(topic) };
}

/** Kafka's flexible types (KIP-482): a length is an unsigned varint, one more than it says; tagged fields may follow anything. */
function createDecoder(answer: Buffer) {
  let at = 0;

  function take(bytes: number): Buffer {
    if (at + bytes > answer.length) throw new RangeError("Kafka's answer is cut off");
    at += bytes;
    return answer.subarray(at - bytes, at);
  }
  function size(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = take(1).readUInt8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  return {
    take,
    skip: (bytes: number) => void take(bytes),
    int16: () => take(2).readInt16BE(),
    int32: () => take(4).readInt32BE(),
    text: () => take(Math.max(0, size() - 1)).toString("utf8"),
    list: <Item>(item: () => Item): Item[] => Array.from({ length: Math.max(0, size() - 1) }, item),
    tags() {
      for (let left = size(); left > 0; left -= 1) {
        size();
        take(size());
      }
    },
  };
}

/** One bit for each; the lowest number of all says that nobody asked or can tell. */
function operationsOf(bits: number): Set<number> | undefined {
  if (bits === -2_147_483_648) return undefined;
  return new Set(Array.from({ length: 31 }, (_, operation) => operation).filter((operation) => bits & (1 << operation)));
}
