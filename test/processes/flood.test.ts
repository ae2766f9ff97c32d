import { expect, onTestFinished, test } from "vitest";
import { FLOOD_KINDS, type FloodKind, startFlood } from "../support/flood.ts";
import { peakMb } from "../torture/figures.ts";
import { sendGoodCalls, startAlone } from "../torture/flood.ts";

const MOST_MB = 200;
const FINDING_S01: FloodKind[] = ["no signature, 990,000 of 1,000,000 bytes", "a signature of no secret, 990,000 of 1,000,000 bytes"];

async function startIngress() {
  const ingress = await startAlone();
  onTestFinished(() => ingress.stop());
  return ingress;
}

test("600 and then 1,500 connections that send 990,000 of 1,000,000 bytes and wait: the ingress stays below 200 MB, and takes calls", async () => {
  const { port, url, pid } = await startIngress();
  for (const connections of [600, 1_500]) {
    for (const kind of FINDING_S01) {
      const flood = await startFlood({ port, kind, connections });
      const { statuses } = await sendGoodCalls({ url, count: 10, prefix: `${connections}-${kind.slice(0, 4)}` });
      expect({ kind, connections, statuses: [...new Set(statuses)] }).toEqual({ kind, connections, statuses: [200] });
      expect([...flood.answers.keys()].filter((line) => !/^(HTTP\/1\.1 (401|408|503) |cut off)/.test(line))).toEqual([]);
      flood.close();
      expect(peakMb(pid)).toBeLessThan(MOST_MB);
    }
  }
});

test.each(FLOOD_KINDS.filter((kind) => !FINDING_S01.includes(kind)))(
  "hundreds of connections with %s: below 200 MB too, and calls are taken",
  async (kind) => {
    const { port, url, pid } = await startIngress();
    const flood = await startFlood({ port, kind, connections: /chunks|pipelined/.test(kind) ? 50 : 300 });
    const { statuses } = await sendGoodCalls({ url, count: 5, prefix: "good" });
    expect([...new Set(statuses)]).toEqual([200]);
    flood.close();
    expect(peakMb(pid)).toBeLessThan(MOST_MB);
  },
);
