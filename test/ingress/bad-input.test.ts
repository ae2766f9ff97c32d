import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { LogUnavailableError } from "../../src/errors.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { OLD_SECRET, QUARANTINE_TOPIC, raw, sign, testIngress } from "./support.ts";

const example = documentedExample();

describe("a signature", () => {
  test("of the documented example fits the documented bytes", async () => {
    const { post } = await testIngress();
    const signature = "4227b30a07555f38f669b229cc7d7b855a76f72888cbcf4aab02877a85ec73fd";
    expect(await post({ headers: { "x-voiceinfra-signature": signature } })).toMatchObject({
      status: 200,
      json: { status: "accepted", call_id: "call_01HXYZ123456" },
    });
  });

  test("with any of the source's secrets is taken, as in a rotation", async () => {
    const { post, stored } = await testIngress();
    expect((await post({ headers: { "x-voiceinfra-signature": sign(example, OLD_SECRET) } })).status).toBe(200);
    expect(await stored()).toHaveLength(1);
  });

  test.each([
    ["missing", "", "signature_missing"],
    ["not hexadecimal", "z".repeat(64), "signature_malformed"],
    ["too short", "ab12", "signature_malformed"],
    ["upper case", sign(example).toUpperCase(), "signature_malformed"],
    ["with a prefix", `sha256=${sign(example)}`, "signature_malformed"],
    ["of another secret", sign(example, "another"), "signature_wrong"],
    ["of another body", sign("{}"), "signature_wrong"],
    ["sent twice", `${sign(example)}, ${sign(example)}`, "signature_doubled"],
  ])("that is %s is answered 401, and nothing is stored", async (_, signature, code) => {
    const { post, stored } = await testIngress();
    const { status, json } = await post({ headers: { "x-voiceinfra-signature": signature } });
    expect({ status, code: json.code }).toEqual({ status: 401, code });
    expect(json.message).toMatch(/X-VoiceInfra-Signature|signature/);
    expect(JSON.stringify(json)).not.toContain(sign(example));
    expect(await stored()).toEqual([]);
  });

  test("sent as two headers is doubled", async () => {
    const { ingress } = await testIngress();
    const head = `POST /webhooks/voiceinfra HTTP/1.1\r\nhost: x\r\nx-voiceinfra-signature: ${sign("{}")}\r\nx-voiceinfra-signature: ${sign("{}")}\r\ncontent-length: 2\r\n\r\n{}`;
    const answer = await raw(ingress.port, head, { until: /request_id/ });
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain("signature_doubled");
  });

  test("is not needed where the source says allow_unsigned", async () => {
    const { post, stored } = await testIngress();
    expect((await post({ path: "/webhooks/open", headers: { "x-voiceinfra-signature": "" } })).status).toBe(200);
    expect((await stored())[0]?.key).toBe("open/call_01HXYZ123456");
  });
});

describe("a body", () => {
  test.each([
    ["empty", "", 400, "empty_body"],
    ["not JSON", "{", 400, "not_json"],
    ["a list", "[]", 400, "not_an_object"],
    ["not UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), 400, "not_utf8"],
  ])("that is %s is answered, and nothing is stored", async (_, body, status, code) => {
    const { post, stored } = await testIngress();
    const answer = await post({ body });
    expect({ status: answer.status, code: answer.json.code }).toEqual({ status, code });
    expect([await stored(), await stored(QUARANTINE_TOPIC)]).toEqual([[], []]);
  });

  test("that is JSON and no call record is answered 422 with every field, and kept once in the quarantine", async () => {
    const { post, stored } = await testIngress();
    const body = JSON.stringify({ call_id: "c", from_number: 7 });
    for (let i = 0; i < 3; i += 1) {
      const { status, json } = await post({ body });
      expect(status).toBe(422);
      expect((json.fields as { field: string }[]).map(({ field }) => field)).toEqual([
        "from_number",
        "to_number",
        "agent_id",
        "duration_seconds",
        "start_time",
        "end_time",
        "call_outcome",
      ]);
    }
    const kept = await stored(QUARANTINE_TOPIC);
    expect(kept.map(({ value }) => Buffer.from(value).toString())).toEqual([body]);
    expect(await stored()).toEqual([]);
  });

  test("with a wrong signature never reaches the quarantine", async () => {
    const { post, stored } = await testIngress();
    await post({ body: "{}", headers: { "x-voiceinfra-signature": sign("other") } });
    expect(await stored(QUARANTINE_TOPIC)).toEqual([]);
  });

  test("of exactly the limit is taken, one byte more is answered 413", async () => {
    const { post, stored } = await testIngress();
    const padded = (bytes: number) => {
      const record = JSON.parse(example.toString());
      const base = JSON.stringify({ ...record, transcript: "" }).length;
      return JSON.stringify({ ...record, transcript: "x".repeat(bytes - base) });
    };
    expect((await post({ body: padded(1_000_000) })).status).toBe(200);
    expect(await post({ body: padded(1_000_001) })).toMatchObject({ status: 413, json: { code: "too_large" } });
    expect(await stored()).toHaveLength(1);
  });

  test("without a length that grows past the limit is answered 413 and cut off", async () => {
    const { ingress, stored } = await testIngress();
    const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    const request = `POST /webhooks/voiceinfra HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nx-voiceinfra-signature: ${sign("")}\r\n\r\n${chunk.repeat(20)}`;
    const answer = await raw(ingress.port, request);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(await stored()).toEqual([]);
  });

  test("that is cut short stores nothing, and the ingress goes on", async () => {
    const { ingress, post, stored } = await testIngress();
    const socket = connect(ingress.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(
      `POST /webhooks/voiceinfra HTTP/1.1\r\nhost: x\r\nx-voiceinfra-signature: ${sign(example)}\r\ncontent-length: ${example.byteLength}\r\n\r\n`,
    );
    socket.write(example.subarray(0, 100));
    socket.end();
    await once(socket.resume(), "close");
    expect((await post()).status).toBe(200);
    expect(await stored()).toHaveLength(1);
  });

  test("with Content-Encoding is refused: the signature is over what was sent", async () => {
    const { post } = await testIngress();
    expect(await post({ headers: { "content-encoding": "gzip" } })).toMatchObject({ status: 415, json: { code: "content_encoding" } });
  });

  test("may come in chunks", async () => {
    const { ingress, stored } = await testIngress();
    const half = example.byteLength >> 1;
    const parts = [example.subarray(0, half), example.subarray(half)]
      .map((part) => `${part.byteLength.toString(16)}\r\n${part}\r\n`)
      .join("");
    const head = `POST /webhooks/voiceinfra HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nx-voiceinfra-signature: ${sign(example)}\r\n\r\n`;
    expect(await raw(ingress.port, `${head}${parts}0\r\n\r\n`, { until: /request_id/ })).toMatch(/^HTTP\/1\.1 200 /);
    expect(Buffer.from((await stored())[0]?.value ?? []).equals(example)).toBe(true);
  });
});

describe("an address", () => {
  test("of an unknown source is answered 404 without a list of the known ones", async () => {
    const { post, stored } = await testIngress();
    const { status, json } = await post({ path: "/webhooks/nobody" });
    expect({ status, code: json.code }).toEqual({ status: 404, code: "unknown_source" });
    expect(JSON.stringify(json)).not.toContain('voiceinfra"');
    expect(await stored()).toEqual([]);
  });

  test.each(["GET", "PUT", "DELETE"])("with %s is answered 405 and says what is allowed", async (method) => {
    const { post } = await testIngress();
    const { status, headers, json } = await post({ method });
    expect({ status, allow: headers.get("allow"), code: json.code }).toEqual({ status: 405, allow: "POST", code: "method_not_allowed" });
  });

  test.each(["/", "/webhooks", "/webhooks/voiceinfra/more", "/webhooks/%2e%2e", "/webhooks/%ff"])("%s is answered 404", async (path) => {
    const { post } = await testIngress();
    expect((await post({ path })).status).toBe(404);
  });
});

describe("when the log is away", () => {
  test("a delivery is answered 503 with Retry-After, the same one later 200, and readiness says so", async () => {
    let away = true;
    const { post, url, stored } = await testIngress({
      wrap: (log) => ({
        ...log,
        append: (record) => (away ? Promise.reject(new LogUnavailableError("no broker answers")) : log.append(record)),
        check: () => (away ? Promise.reject(new LogUnavailableError("no broker answers")) : log.check()),
      }),
    });
    const { status, headers, json } = await post();
    expect({ status, retryAfter: headers.get("retry-after"), code: json.code }).toEqual({
      status: 503,
      retryAfter: "5",
      code: "log_unavailable",
    });
    expect((await post({ body: "{}" })).status).toBe(503);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    away = false;
    expect((await post()).status).toBe(200);
    expect(await stored()).toHaveLength(1);
  });
});

test("five hundred odd bodies, signed and unsigned, never get a 5xx and never go unanswered", async () => {
  const { post, stored } = await testIngress();
  let seed = 42;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return seed % below;
  };
  const odd = [...'{}[]",:\\0e-', "null", "true", "1e999", "\u0000", "\ufeff", "é", "__proto__", '"\\ud800"'];
  const statuses = new Map<number, number>();
  let repeated = 0;
  for (let i = 0; i < 500; i += 1) {
    const text = example.toString();
    const at = random(text.length);
    const mutated = Buffer.from(text.slice(0, at) + odd[random(odd.length)] + text.slice(at + random(4)));
    if (random(5) === 0) mutated[random(mutated.length)] = random(256);
    const headers = random(10) === 0 ? { "x-voiceinfra-signature": sign("other") } : undefined;
    const { status, json } = await post({ body: mutated, headers });
    if (json.repeated) repeated += 1;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect([...statuses.keys()].filter((status) => ![200, 400, 401, 422].includes(status))).toEqual([]);
  expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBe(500);
  expect(await stored()).toHaveLength((statuses.get(200) ?? 0) - repeated);
});
