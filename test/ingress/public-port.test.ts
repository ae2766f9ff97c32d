import { describe, expect, test } from "vitest";
import { LogUnavailableError } from "../../src/errors.ts";
import { loopbackAddresses } from "../support/ports.ts";
import { openRaw, raw, sign, testIngress } from "./support.ts";

const HEALTH = ["/healthz", "/readyz"];

describe("the public port", () => {
  test("serves webhooks and health; figures are on the ops port, without any value of a call", async () => {
    const { url, opsUrl, post } = await testIngress();
    await post();
    await post({ headers: { "x-voiceinfra-signature": sign("other") } });
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: "ok" });
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: "ready" });
    const there = await fetch(`${url}/metrics`);
    expect(there.status).toBe(404);
    expect(await there.text()).not.toMatch(/voiceinfra|metrics/);

    const metrics = await (await fetch(`${opsUrl}/metrics`)).text();
    expect(metrics).toContain('patchbay_ingress_requests_total{source="voiceinfra",code="accepted"} 1');
    expect(metrics).toContain('patchbay_ingress_requests_total{source="voiceinfra",code="signature_wrong"} 1');
    expect(metrics).toMatch(/patchbay_ingress_secret_last_verified_timestamp_seconds\{source="voiceinfra",secret="0"\} \d+/);
    expect(metrics).toMatch(/^process_cpu_seconds_total /m);
    expect(metrics).not.toMatch(/call_01HXYZ|4155550100/);
  });

  test("says that it is not ready without a reason; the ops port gives the reason", async () => {
    const { url, opsUrl } = await testIngress({
      wrap: (log) => ({ ...log, check: () => Promise.reject(new LogUnavailableError("sqlite:/var/lib/secret-place is full")) }),
    });
    const there = await fetch(`${url}/readyz`);
    expect({ status: there.status, body: await there.json() }).toEqual({ status: 503, body: { status: "not ready" } });
    const ops = await fetch(`${opsUrl}/readyz`);
    expect({ status: ops.status, body: await ops.json() }).toEqual({
      status: 503,
      body: { status: "not ready", reasons: ["log: sqlite:/var/lib/secret-place is full"] },
    });
    expect((await fetch(`${opsUrl}/healthz`)).status).toBe(200);
  });

  test.each([
    "/webhooks/../healthz",
    "/webhooks/%2e%2e/healthz",
    "/webhooks/%2E./healthz",
    "/webhooks/.%2e/readyz",
    "/./healthz",
    "/healthz/.",
    "/webhooks/..;/healthz",
    "/webhooks/..\\healthz",
    "/x/../webhooks/voiceinfra",
    "/webhooks/%2e/voiceinfra",
    "http://x/webhooks/../healthz",
  ])("takes %s for no path: a proxy that rules by the path sees what we see", async (path) => {
    const { ingress } = await testIngress();
    expect(await raw(ingress.port, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 40[04] /);
  });

  test.each(loopbackAddresses)("listens on the address that --host names, here %s", async (host) => {
    const { ingress, post } = await testIngress({ host });
    expect(ingress.url).toBe(`http://${host === "::1" ? "[::1]" : host}:${ingress.port}`);
    expect((await post()).status).toBe(200);
  });

  test("on an address of another machine says so", async () => {
    await expect(testIngress({ host: "192.0.2.1" })).rejects.toThrow('"192.0.2.1" is no address of this machine');
  });
});

describe("a health check", () => {
  test.each(HEALTH.flatMap((path) => ["GET", "HEAD"].map((method) => `${method} ${path}`)))(
    "of HTTP/1.0 without Host, as HAProxy makes it, gets 200: %s",
    async (question) => {
      const { ingress } = await testIngress();
      expect(await raw(ingress.port, `${question} HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    },
  );

  test("of HTTP/1.0 without Host does not close the way to a delivery of the same kind", async () => {
    const { ingress, stored } = await testIngress();
    const body = JSON.stringify({ not: "a call" });
    const head = `POST /webhooks/voiceinfra HTTP/1.0\r\nx-voiceinfra-signature: ${sign(body)}\r\ncontent-length: ${body.length}\r\n\r\n`;
    expect(await raw(ingress.port, head + body)).toMatch(/^HTTP\/1\.1 422 /);
    expect(await stored()).toEqual([]);
  });

  test("of HTTP/1.1 without Host gets 400, as RFC 9112 wants it; a Host that cannot be read too", async () => {
    const { ingress } = await testIngress();
    expect(await raw(ingress.port, "GET /healthz HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(ingress.port, "GET /healthz HTTP/1.1\r\nhost: a b\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("keeps its connection for the next one", async () => {
    const { ingress } = await testIngress();
    const connection = await openRaw(ingress.port);
    for (const path of [...HEALTH, ...HEALTH]) {
      connection.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
      expect(await connection.answer()).toMatch(/^HTTP\/1\.1 200 (?![\s\S]*connection: close)/i);
    }
  });
});

describe("a stranger", () => {
  const answerTo = async (post: Awaited<ReturnType<typeof testIngress>>["post"], source: string, signature: string) => {
    const { status, json } = await post({ path: `/webhooks/${source}`, headers: { "x-voiceinfra-signature": signature } });
    const { request_id: _, ...rest } = json;
    return { status, ...rest };
  };

  test.each([
    ["no signature", ""],
    ["a malformed one", "abc"],
    ["two", `${"0".repeat(64)}, ${"0".repeat(64)}`],
    ["a made-up one", "0".repeat(64)],
  ])("who sends %s does not learn which sources there are", async (_, signature) => {
    const { post } = await testIngress();
    const known = await answerTo(post, "voiceinfra", signature);
    expect(known.status).toBe(401);
    expect(await answerTo(post, "nobody", signature)).toEqual(known);
  });

  test("who holds a secret of another source is told that the path is wrong", async () => {
    const { post } = await testIngress();
    expect(await post({ path: "/webhooks/nobody" })).toMatchObject({ status: 404, json: { code: "unknown_source" } });
  });

  test("does not write names into our figures", async () => {
    const { post, opsUrl } = await testIngress();
    await post({ path: "/webhooks/invented-name" });
    await post({ path: "/webhooks/invented-name", headers: { "x-voiceinfra-signature": "" } });
    const metrics = await (await fetch(`${opsUrl}/metrics`)).text();
    expect(metrics).toContain('patchbay_ingress_requests_total{source="unknown",code="unknown_source"} 1');
    expect(metrics).toContain('patchbay_ingress_requests_total{source="unknown",code="signature_missing"} 1');
    expect(metrics).not.toContain("invented-name");
  });
});
