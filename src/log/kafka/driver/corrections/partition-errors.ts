import { setTimeout as delay } from "node:timers/promises";
import type { FetchedPartition } from "../types.ts";
import type { Correction } from "./correction.ts";
import { replaceMethods } from "./correction.ts";

/** `kafkajs/src/protocol/requests/fetch`: for a version, what makes a request and reads its answer. */
export interface FetchProtocol {
  protocol(options: { version: number }): (request: { maxWaitTime: number }) => {
    response: {
      parse(answer: { responses: { partitions: (FetchedPartition & { errorCode: number })[] }[] }): Promise<unknown>;
    };
  };
}

/** By Kafka's error codes: the fault lies in the partition alone, and other metadata does not help. */
const OF_ONE_PARTITION = new Map([
  [-1, "UNKNOWN"],
  [2, "CORRUPT_MESSAGE"],
  [56, "KAFKA_STORAGE_ERROR"],
  [87, "INVALID_RECORD"],
]);
/** A broker answers with an error at once, however long the fetch would wait for records. */
const ASK_AGAIN_MS = 300;

/**
 * kafkajs 2.2.4 rejects a broker's whole answer to a fetch for an error of one partition in it. Where a disk has altered a batch so that the
 * broker itself cannot read on, that is every answer, and no partition of this broker moves any more. With the correction such a partition
 * comes empty, with `damage`; the reader decides what follows (`damage-watch.ts`, `records.ts`).
 */
export const partitionErrors: Correction = {
  name: "errors of one partition",
  change(kafkajs) {
    replaceMethods(kafkajs.load<FetchProtocol>("src/protocol/requests/fetch"), (original) => ({
      protocol(version) {
        const request = original.protocol(version);
        return (options) => {
          const call = request(options);
          const { response } = call;
          return {
            ...call,
            response: {
              ...response,
              async parse(answer) {
                let isDamaged = false;
                for (const partition of answer.responses.flatMap(({ partitions }) => partitions)) {
                  const damage = OF_ONE_PARTITION.get(partition.errorCode);
                  if (damage === undefined) continue;
                  isDamaged = true;
                  Object.assign(partition, { errorCode: 0, messages: [], damage });
                }
                if (isDamaged) await delay(Math.min(ASK_AGAIN_MS, options.maxWaitTime));
                return response.parse(answer);
              },
            },
          };
        };
      },
    }));
  },
};
