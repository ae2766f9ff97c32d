/**
 * kafkajs 2.2.4 asks for all topics of a cluster where it is told none, and fails for an error of any of them: in a cluster that is shared,
 * another team's partition without a leader kept us from starting. Of topics that nobody named only those without an error are told.
 */
import { MetadataRequest, patch } from "./internals.ts";

patch<MetadataRequest>({
  name: "Metadata",
  prototype: MetadataRequest,
  methods: (original) => ({
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
  }),
});
