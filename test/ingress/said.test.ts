import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { createRefusals } from "../../src/ingress/refusals.ts";
import { Secret } from "../../src/lib/secret.ts";
import { until } from "../contracts/log.contract.ts";
import { callWithId, SECRET, sign, testIngress } from "./support.ts";

/** A logger that keeps its lines. */
function keeping() {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { logger, lines, said: (msg: string) => lines.filter((line) => line.msg === msg) };
}

describe("refusals in the log", () => {
  test("are said at once, then in sums: each code of a source once a second", async () => {
    const { logger, said } = keeping();
    const { post, ingress } = await testIngress({ logger });
    const unsigned = { "x-voiceinfra-signature": "" };
    for (let n = 0; n < 50; n += 1) await post({ headers: unsigned });
    for (let n = 0; n < 20; n += 1) await post({ path: "/webhooks/nobody", headers: unsigned });
    await post({ headers: { "x-voiceinfra-signature": sign("other") } });
    await ingress.stop({ graceMs: 100 });

    const lines = said("delivery refused");
    const sum = (source: string, code: string) =>
      lines.filter((line) => line.source === source && line.code === code).reduce((all, { count }) => all + Number(count), 0);
    expect([sum("voiceinfra", "signature_missing"), sum("unknown", "signature_missing"), sum("voiceinfra", "signature_wrong")]).toEqual([
      50, 20, 1,
    ]);
    expect(lines.length).toBeLessThan(30);
    expect(lines[0]).toMatchObject({ source: "voiceinfra", status: 401, code: "signature_missing", count: 1 });
    expect(lines[0]?.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("that come no more are said when their second is over", async () => {
    const { logger, said } = keeping();
    const refusals = createRefusals({ logger });
    const one = { source: "s", status: 401, code: "c", requestId: "r" };
    for (let n = 0; n < 3; n += 1) refusals.said({ ...one, requestId: `r${n}` });
    expect(said("delivery refused")).toMatchObject([{ count: 1, requestId: "r0" }]);
    await until(async () => said("delivery refused").length === 2);
    expect(said("delivery refused")[1]).toMatchObject({ count: 2, requestId: "r2" });
  });

  test("name fields and never values, and a fault of ours its place", async () => {
    const { logger, lines, said } = keeping();
    const { post, ingress } = await testIngress({
      logger,
      wrap: (log) => ({ ...log, append: () => Promise.reject(new Error("a bug")) }),
    });
    expect((await post({ body: '{"call_id":"c","from_number":14155550100}' })).status).toBe(500);
    expect((await post({ body: '{"call_id":"c","from_number":14155550100,"x":1}' })).status).toBe(500);
    await ingress.stop({ graceMs: 100 });
    expect(said("fault in the ingress")[0]).toMatchObject({ code: "internal", fault: expect.stringMatching(/Error: a bug\n\s+at /) });
    expect(JSON.stringify(lines)).not.toContain("4155550100");
  });
});

describe("a source that takes unsigned calls", () => {
  const open = { name: "open", secrets: [], allowUnsigned: true };
  const moving = { name: "moving", secrets: [new Secret(SECRET)], allowUnsigned: true };
  const closed = { name: "closed", secrets: [new Secret(SECRET)], allowUnsigned: false };
  const WARNING = "these sources take calls without a signature: anybody who knows the address can send one";

  test("is warned of at the start and at every edit, until it is none", async () => {
    const { logger, said } = keeping();
    const { ingress } = await testIngress({ logger, sources: [open, closed] });
    expect(said(WARNING)).toMatchObject([{ sources: ["open"] }]);
    ingress.use([open, moving]);
    expect(said(WARNING)).toMatchObject([{ sources: ["open"] }, { sources: ["open", "moving"] }]);
    ingress.use([closed]);
    expect(said(WARNING)).toHaveLength(2);
  });

  test("has its unsigned calls counted", async () => {
    const { post, opsUrl } = await testIngress({ sources: [open, moving, closed] });
    const unsigned = { "x-voiceinfra-signature": "" };
    await post({ path: "/webhooks/open", headers: unsigned });
    await post({ path: "/webhooks/moving", headers: unsigned });
    await post({ path: "/webhooks/moving", headers: unsigned, body: callWithId("b") });
    await post({ path: "/webhooks/moving", body: callWithId("c") });
    await post({ path: "/webhooks/closed", headers: unsigned });
    const metrics = await (await fetch(`${opsUrl}/metrics`)).text();
    expect(metrics.match(/^patchbay_ingress_unsigned_total\{.*$/gm)).toEqual([
      'patchbay_ingress_unsigned_total{source="open"} 1',
      'patchbay_ingress_unsigned_total{source="moving"} 2',
    ]);
  });
});
