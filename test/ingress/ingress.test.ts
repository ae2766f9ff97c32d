import { describe, expect, test } from "vitest";
import type { Log, LogRecord, Position } from "../../src/log/log.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { raw, sign, testIngress } from "./support.ts";

const example = documentedExample();

describe("an accepted call", () => {
  test("stands in the log as it came, byte for byte, with what the ingress knew beside it", async () => {
    const { post, stored } = await testIngress();
    const before = Date.now();
    const { json, headers } = await post();
    const [message] = await stored();
    expect(Buffer.from(message?.value ?? []).equals(example)).toBe(true);
    expect(message?.key).toBe("voiceinfra/call_01HXYZ123456");
    expect(message?.headers).toMatchObject({ source: "voiceinfra", format: "1", request_id: json.request_id });
    expect(message?.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(Number(message?.headers.accepted_at)).toBeGreaterThanOrEqual(before);
    expect(headers.get("x-request-id")).toBe(json.request_id);
  });

  test("keeps the sender's trace", async () => {
    const { post, stored } = await testIngress();
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await post({ headers: { traceparent } });
    await post({ headers: { traceparent: "00-00000000000000000000000000000000-00f067aa0ba902b7-01" } });
    const traces = (await stored()).map(({ headers }) => headers.traceparent);
    expect(traces[0]).toBe(traceparent);
    expect(traces[1]).not.toContain("00000000000000000000000000000000");
  });

  test("is answered only when the log has it", async () => {
    const appends: { record: LogRecord; finish: () => void }[] = [];
    const started = Promise.withResolvers<void>();
    const { post } = await testIngress({ wrap: holdAppends(appends, started.resolve) });
    let answered = false;
    const answer = post().then((response) => {
      answered = true;
      return response;
    });
    await started.promise;
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    appends[0]?.finish();
    expect((await answer).status).toBe(200);
  });

  test("that is being stored while the ingress stops is not cut off; its connection then closes", async () => {
    const appends: { record: LogRecord; finish: () => void }[] = [];
    const started = Promise.withResolvers<void>();
    const { ingress, stored } = await testIngress({ wrap: holdAppends(appends, started.resolve) });
    const request = `POST /webhooks/voiceinfra HTTP/1.1\r\nhost: x\r\nx-voiceinfra-signature: ${sign(example)}\r\ncontent-length: ${example.byteLength}\r\n\r\n${example}`;
    const answer = raw(ingress.port, request);
    await started.promise;
    const stopped = ingress.stop({ graceMs: 5_000 });
    await expect(fetch(`${ingress.url}/healthz`)).rejects.toThrow();
    appends[0]?.finish();
    expect(await answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*connection: close/i);
    await stopped;
    expect(await stored()).toHaveLength(1);
  });
});

function holdAppends(appends: { record: LogRecord; finish: () => void }[], onAppend: () => void): (log: Log) => Log {
  return (log) => ({
    ...log,
    append: (record) =>
      new Promise<Position>((resolve, reject) => {
        appends.push({ record, finish: () => void log.append(record).then(resolve, reject) });
        onAppend();
      }),
  });
}

describe("the ingress' port", () => {
  test("serves health and figures, without any value of a call", async () => {
    const { url, post } = await testIngress();
    await post();
    await post({ headers: { "x-voiceinfra-signature": sign("other") } });
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: "ok" });
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: "ready" });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('patchbay_ingress_requests_total{source="voiceinfra",code="accepted"} 1');
    expect(metrics).toContain('patchbay_ingress_requests_total{source="voiceinfra",code="signature_wrong"} 1');
    expect(metrics).toMatch(/patchbay_ingress_secret_last_verified_timestamp_seconds\{source="voiceinfra",secret="0"\} \d+/);
    expect(metrics).not.toMatch(/call_01HXYZ|4155550100/);
  });

  test("answers other requests while a slow one drips in", async () => {
    const { ingress, post } = await testIngress();
    const slow = raw(ingress.port, "POST /webhooks/voiceinfra HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{", {});
    expect((await post()).status).toBe(200);
    await ingress.stop({ graceMs: 50 });
    await slow;
  });
});
