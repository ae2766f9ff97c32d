/** Posts signed calls at an even pace: node bench/pace.ts <url> <secret> <total> <per-second> */

import { post } from "../src/commands/send.ts";
import { sampleCall } from "../src/sandbox/calls.ts";

const [url = "", secret = "", total = "0", perSecond = "1"] = process.argv.slice(2);
const startedAtMs = performance.now();
const answers: Promise<unknown>[] = [];
for (let index = 0; index < Number(total); index += 1) {
  const waitMs = startedAtMs + (index * 1000) / Number(perSecond) - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  answers.push(post({ url, secret, body: Buffer.from(JSON.stringify(sampleCall(index))) }));
}
await Promise.all(answers);
