import { describe, expect, test } from "vitest";
import type { Log, LogRecord, Position } from "../../src/log/log.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { callWithId, raw, sign, testIngress } from "./support.ts";

const example = documentedExample();

describe("an accepted call", () => {
  test("has its signature beside it, so that the secret proves later where it came from; an unsigned one has none", async () => {
    const { post, stored } = await testIngress();
    await post();
    await post({ path: "/webhooks/open", headers: { "x-voiceinfra-signature": "" } });
    const [signed, unsigned] = await stored();
    expect(signed?.headers.signature).toBe(sign(signed?.value ?? ""));
    expect(unsigned?.headers).not.toHaveProperty("signature");
  });

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
    const headers = { traceparent: "00-00000000000000000000000000000000-00f067aa0ba902b7-01" };
    await post({ body: callWithId("another"), headers });
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
  test("answers other requests while a slow one drips in", async () => {
    const { ingress, post } = await testIngress();
    const slow = raw(ingress.port, "POST /webhooks/voiceinfra HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{", {});
    expect((await post()).status).toBe(200);
    await ingress.stop({ graceMs: 50 });
    await slow;
  });
});
