/**
 * A member of a group as a process of its own, to be killed: `node member.ts <log URL> <group>`. Says "opened" and waits for a line; then it
 * says "subscribed", and "held" when it has partitions; takes what comes, and acknowledges the first message only.
 */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { openKafkaLog } from "../../../src/log/kafka/index.ts";
import { CALLS_TOPIC } from "../../../src/log/log.ts";

const [url = "", group = ""] = process.argv.slice(2);
const log = await openKafkaLog({ url, onEvent: () => undefined });
console.log("opened");
await once(process.stdin, "data");
process.stdin.destroy();
const subscription = await log.subscribe({ topic: CALLS_TOPIC, group, start: [] });
console.log("subscribed");
while (subscription.status().partitions.length === 0) await delay(20);
console.log("held");
for (let count = 0; ; ) {
  for (const one of await subscription.take({ max: 10 })) {
    if (count === 0) one.ack();
    count += 1;
    console.log(`taken ${count}`);
  }
}
