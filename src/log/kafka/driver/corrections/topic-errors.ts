import type { Correction } from "./correction.ts";
import { replaceMethods } from "./correction.ts";

/** `kafkajs/src/protocol/requests/metadata` */
export interface MetadataProtocol {
  protocol(options: { version: number }): (request: { topics: string[] }) => {
    response: {
      parse(answer: { topicMetadata: { topicErrorCode: number; partitionMetadata: { partitionErrorCode: number }[] }[] }): Promise<unknown>;
    };
  };
}

/**
 * kafkajs 2.2.4 asks for all topics of a cluster where none is named, and fails for an error of any of them: in a shared cluster, another
 * team's partition without a leader keeps us from starting. With the correction, an answer to such a question holds the topics without errors.
 */
export const topicErrors: Correction = {
  name: "errors of topics that nobody named",
  change(kafkajs) {
    replaceMethods(kafkajs.load<MetadataProtocol>("src/protocol/requests/metadata"), (original) => ({
      protocol(version) {
        const request = original.protocol(version);
        return (options) => {
          const call = request(options);
          if (options.topics.length > 0) return call;
          const { response } = call;
          return {
            ...call,
            response: {
              ...response,
              parse: (answer) =>
                response.parse({
                  ...answer,
                  topicMetadata: answer.topicMetadata.filter(
                    ({ topicErrorCode, partitionMetadata }) =>
                      topicErrorCode === 0 && partitionMetadata.every(({ partitionErrorCode }) => partitionErrorCode === 0),
                  ),
                }),
            },
          };
        };
      },
    }));
  },
};
