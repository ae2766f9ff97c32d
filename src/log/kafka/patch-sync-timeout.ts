/**
 * kafkajs 2.2.4 waits for the answer to SyncGroup no longer than for any other. The broker holds that answer until the group's leader has
 * said who gets what, and a leader that died while it joined says nothing until its session is over. kafkajs then restarts the consumer,
 * which joins as a new member and leaves the old one behind as the next dead one: after a few kills in a row a group stood for a minute
 * (JoinGroup had the same fault: tulios/kafkajs issue 292; for SyncGroup kafka4beam/brod pull request 380).
 */
import { patch, SyncGroup } from "./internals.ts";

/** As JoinGroup has it: the broker drops who does not answer within the rebalance time-out (25 s, `member.ts`), and 5 s for the way. */
const SYNC_WITHIN_MS = 30_000;

patch<SyncGroup>({
  name: "SyncGroup",
  prototype: SyncGroup,
  methods: (original) => ({
    protocol(version) {
      const request = original.protocol(version);
      return (options) => ({ ...request(options), requestTimeout: SYNC_WITHIN_MS });
    },
  }),
});
