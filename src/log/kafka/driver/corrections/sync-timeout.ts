import type { Correction } from "./correction.ts";
import { replaceMethods } from "./correction.ts";

/** `kafkajs/src/protocol/requests/syncGroup` */
export interface SyncGroupProtocol {
  protocol(options: { version: number }): (request: object) => { request: object; response: object; requestTimeout?: number };
}

/** As JoinGroup has it: the broker drops who does not answer within the rebalance time-out (25 s, `member.ts`), and 5 s for the way. */
const SYNC_WITHIN_MS = 30_000;

/**
 * kafkajs 2.2.4 waits for the answer to SyncGroup no longer than for any other. The broker holds that answer until the group's leader has
 * said who gets what, and a leader that died while it joined says nothing until its session ends. kafkajs then restarts the consumer, which
 * joins as a new member and leaves the old one behind as the next dead one: after a few kills in a row a group waited for a minute (JoinGroup
 * had the same fault: tulios/kafkajs issue 292; for SyncGroup kafka4beam/brod pull request 380).
 */
export const syncTimeout: Correction = {
  name: "time-out of SyncGroup",
  change(kafkajs) {
    replaceMethods(kafkajs.load<SyncGroupProtocol>("src/protocol/requests/syncGroup"), (original) => ({
      protocol(version) {
        const request = original.protocol(version);
        return (options) => ({ ...request(options), requestTimeout: SYNC_WITHIN_MS });
      },
    }));
  },
};
