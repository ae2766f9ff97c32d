import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { createQuota, readQuota } from "../../src/ingress/quota.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { callWithId, testIngress } from "./support.ts";

const HOUR_MS = 3_600_000;

function quota(bytesPerDay: number) {
  let nowMs = 0;
  const alarms: unknown[] = [];
  const made = createQuota({ bytesPerDay, monotonicMs: () => nowMs, onAlarm: (alarm) => alarms.push(alarm) });
  return {
    ...made,
    alarms,
    wait(ms: number) {
      nowMs += ms;
    },
  };
}

describe("what a source may store in 24 hours", () => {
  test("comes back by the hour", () => {
    const one = quota(100);
    one.add("a", 60);
    one.wait(12 * HOUR_MS);
    one.add("a", 40);
    expect([one.isUsedUp("a"), one.isUsedUp("b")]).toEqual([true, false]);
    one.wait(12 * HOUR_MS);
    expect(one.isUsedUp("a")).toBe(false);
    expect(one.usedRatio()).toContainEqual(["a", 0.4]);
  });

  test("raises an alarm at a half and at nine tenths, once each, and again after it has gone down", () => {
    const one = quota(100);
    for (let n = 0; n < 9; n += 1) one.add("a", 10);
    expect(one.alarms).toEqual([
      { source: "a", storedBytes: 50, quotaBytes: 100, ratio: 0.5 },
      { source: "a", storedBytes: 90, quotaBytes: 100, ratio: 0.9 },
    ]);
    one.wait(25 * HOUR_MS);
    one.add("a", 10);
    one.add("a", 45);
    expect(one.alarms).toHaveLength(3);
  });

  test.each([
    ["10GB", 1e10],
    ["500MB", 5e8],
    ["2 TB", 2e12],
    ["none", Number.POSITIVE_INFINITY],
  ])("is written as %s", (text, bytes) => {
    expect(readQuota(text)).toBe(bytes);
  });

  test.each(["", "10", "0GB", "-1GB", "1.5GB", "10gb", "GB", "NONE", "1e3MB"])("is not %j", (text) => {
    expect(() => readQuota(text)).toThrow(/PATCHBAY_SOURCE_QUOTA cannot be/);
  });
});

test("a source that has used up its quota is answered 429, another one goes on; what was stored already is acknowledged", async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const { post, stored, opsUrl } = await testIngress({ logger, quotaBytes: 2 * documentedExample().byteLength });
  expect((await post()).status).toBe(200);
  expect((await post({ body: callWithId("call_of_same_len2") })).status).toBe(200);
  const refused = await post({ body: callWithId("call_of_same_len3") });
  expect(refused).toMatchObject({ status: 429, json: { code: "quota" } });
  expect(refused.headers.get("retry-after")).toBe("600");
  expect((await post()).json).toHaveProperty("repeated", true);
  expect((await post({ path: "/webhooks/open", body: callWithId("call_of_same_len3") })).status).toBe(200);
  expect(await stored()).toHaveLength(3);
  expect(lines.filter(({ msg, source }) => source === "voiceinfra" && String(msg).startsWith("the log grows"))).toMatchObject([
    { source: "voiceinfra", ratio: 0.5 },
    { source: "voiceinfra", ratio: 0.9 },
  ]);
  expect(await (await fetch(`${opsUrl}/metrics`)).text()).toMatch(
    /^patchbay_ingress_quota_used_ratio\{source="voiceinfra"\} (1|0\.9\d*)$/m,
  );
});
