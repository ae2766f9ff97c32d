import { LogUnavailableError, RecordTooLargeError } from "../../errors.ts";
import { halves } from "../../lib/chunk.ts";
import type { Position } from "../log.ts";
import { toOffset } from "./convert.ts";
import type { Message as ProducedMessage, RecordMetadata, TopicMessages } from "./driver/types.ts";
import { hasErrorCode } from "./errors.ts";
import type { Explain } from "./explain.ts";

export interface Outgoing {
  /** As Kafka knows it, with the prefix. */
  topic: string;
  message: ProducedMessage & { partition: number };
}

/** One produce request per broker, as kafkajs' `producer.sendBatch` makes it. */
export type Send = (topicMessages: TopicMessages[]) => Promise<RecordMetadata[]>;

interface SendOptions {
  records: Outgoing[];
  send: Send;
  explain: Explain;
}

/** Rounds in a row in which the answers cover nothing new. */
const FRUITLESS_ROUNDS_MOST = 3;

/**
 * Sends records and makes sure that the answers name every partition of theirs. kafkajs 2.2.4 resolves a send although records are
 * lost: when one of two brokers answered, and the other's partition moves to the one that answered, it is not sent again
 * (tulios/kafkajs issue 1303 and pull request 1798; 18 of 204,264 acknowledged records in five killed leaders, none with this check).
 * What is not covered goes out again; a record may so be stored twice.
 *
 * One result per record, in their order: its place, or why it is not stored. Never rejects.
 */
export async function sendVerified(options: SendOptions): Promise<(Position | Error)[]> {
  const { records, send, explain } = options;
  const results: (Position | Error)[] = new Array(records.length);
  let missing = records.map((_, index) => index);
  for (let fruitless = 0; missing.length > 0; ) {
    if (fruitless === FRUITLESS_ROUNDS_MOST) {
      return fill(results, missing, () => new LogUnavailableError("Kafka's answers do not name the records that were sent"));
    }
    let answers: RecordMetadata[];
    try {
      answers = await send(groupByTopic(missing.map((index) => records[index] as Outgoing)));
    } catch (error) {
      if (hasErrorCode(error, ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"])) return await sendHalves(results, missing, options);
      const { message, hint } = explain(error, { topic: records[missing[0] as number]?.topic ?? "", operation: "Write" });
      return fill(results, missing, () => new LogUnavailableError(`the record was not stored: ${message}`, { hint, cause: error }));
    }
    const left = place(results, missing, records, answers);
    fruitless = left.length === missing.length ? fruitless + 1 : 0;
    missing = left;
  }
  return results;
}

function fill(results: (Position | Error)[], indexes: number[], reason: () => Error): (Position | Error)[] {
  for (const index of indexes) results[index] = reason();
  return results;
}

/** The broker refuses the whole request for one record that is too large for it: halving finds that one. */
async function sendHalves(
  results: (Position | Error)[],
  missing: number[],
  { records, send, explain }: SendOptions,
): Promise<(Position | Error)[]> {
  if (missing.length === 1) return fill(results, missing, () => new RecordTooLargeError("Kafka refuses the record as too large"));
  for (const half of halves(missing)) {
    const answers = await sendVerified({ records: half.map((index) => records[index] as Outgoing), send, explain });
    for (const [at, index] of half.entries()) results[index] = answers[at] as Position | Error;
  }
  return results;
}

function groupByTopic(records: Outgoing[]): TopicMessages[] {
  const groups = new Map<string, ProducedMessage[]>();
  for (const { topic, message } of records) {
    const messages = groups.get(topic);
    if (messages) messages.push(message);
    else groups.set(topic, [message]);
  }
  return [...groups].map(([topic, messages]) => ({ topic, messages }));
}

/** Gives every covered record its place; returns those that are not covered. */
function place(results: (Position | Error)[], missing: number[], records: Outgoing[], answers: RecordMetadata[]): number[] {
  const next = new Map<string, number>();
  for (const { topicName, partition, errorCode, baseOffset } of answers) {
    if (errorCode === 0 && baseOffset !== undefined) next.set(`${topicName}/${partition}`, toOffset(baseOffset));
  }
  return missing.filter((index) => {
    const { topic, message } = records[index] as Outgoing;
    const place = `${topic}/${message.partition}`;
    const offset = next.get(place);
    if (offset === undefined) return true;
    // Records of one partition lie in one batch, in our order.
    next.set(place, offset + 1);
    results[index] = { partition: message.partition, offset };
    return false;
  });
}
