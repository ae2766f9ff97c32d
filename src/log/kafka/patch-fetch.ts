/**
 * kafkajs 2.2.4 ends a broker's whole answer to a fetch for an error of one partition in it. Where a disk has altered a batch so that the
 * broker itself cannot read on, that is every answer: no partition of this broker moves any more, and the consumer starts anew for ever.
 * Here such a partition is empty, with `damage`; what becomes of it is decided where it is missed (`assignment.ts`, `records.ts`).
 */
import { setTimeout as delay } from "node:timers/promises";
import { Fetch, patch } from "./internals.ts";

/** By Kafka's error codes: what is wrong is the partition's alone, and moves to no other broker by asking for metadata. */
const OF_ONE_PARTITION = new Map([
  [-1, "UNKNOWN"],
  [2, "CORRUPT_MESSAGE"],
  [56, "KAFKA_STORAGE_ERROR"],
  [87, "INVALID_RECORD"],
]);
/** A broker answers with an error at once, however long the fetch would wait for records. */
const ASK_AGAIN_MS = 300;

patch<Fetch>({
  name: "Fetch",
  prototype: Fetch,
  methods: (original) => ({
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
  }),
});
