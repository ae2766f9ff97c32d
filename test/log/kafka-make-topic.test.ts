import { KafkaJSProtocolError } from "kafkajs";
import { expect, test } from "vitest";
import { makeTopic } from "../../src/log/kafka/make-topic.ts";
import { readSettings } from "../../src/log/kafka/settings.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";

const settings = readSettings("kafka://broker?prefix=eu.");
const one = { topic: CALLS_TOPIC, partitions: 12, replication: 3, minInsync: 2 };

/** A cluster that refuses what `refuses` says, as kafkajs tells it. */
function cluster(refuses: (names: string[]) => { type: string; code: number; message: string } | undefined) {
  const made: string[][] = [];
  return {
    made,
    admin: {
      async createTopics({ topics }: { topics: { configEntries?: { name: string }[] }[] }) {
        const names = (topics[0]?.configEntries ?? []).map(({ name }) => name);
        const refused = refuses(names);
        if (refused)
          throw Object.assign(new Error("Topic creation errors"), {
            errors: [new KafkaJSProtocolError({ ...refused, retriable: false } as never)],
          });
        made.push(names);
        return true;
      },
    },
  };
}

const POLICY = { type: "POLICY_VIOLATION", code: 44, message: "Config property 'compression.type' is not editable" };

test("a cluster in which nobody sets how records are packed gets the topic without that", async () => {
  const { admin, made } = cluster((names) => (names.includes("compression.type") ? POLICY : undefined));
  await makeTopic({ admin, one, settings });
  expect(made).toEqual([["cleanup.policy", "retention.ms", "max.message.bytes", "min.insync.replicas", "message.timestamp.type"]]);
});

test("what a cluster's policy refuses for good is said with its words, and how to have the topic made", async () => {
  const { admin } = cluster(() => ({ ...POLICY, message: "at most 6 partitions" }));
  await expect(makeTopic({ admin, one, settings })).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringMatching(/does not take eu\.patchbay\.calls as Patchbay would make it: .*at most 6 partitions/),
    hint: expect.stringContaining("docs/kafka.md"),
  });
});
