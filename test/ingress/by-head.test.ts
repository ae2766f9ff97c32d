import { describe, expect, test } from "vitest";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { openRaw, raw, sign, testIngress } from "./support.ts";

const example = documentedExample();
const post = (...headers: string[]) => `POST /webhooks/voiceinfra HTTP/1.1\r\nhost: x\r\n${headers.join("\r\n")}\r\n\r\n`;
const SIGNED = `x-voiceinfra-signature: ${sign(example)}`;
const LENGTH = `content-length: ${example.byteLength}`;

describe("before a byte of the body has come", () => {
  test.each([
    ["without a signature", ["content-length: 1000000"], 401, "signature_missing"],
    ["with an empty one", ["x-voiceinfra-signature:", "content-length: 1000000"], 401, "signature_missing"],
    ["with a malformed one", ["x-voiceinfra-signature: abc", "content-length: 1000000"], 401, "signature_malformed"],
    ["with two", [SIGNED, SIGNED, "content-length: 1000000"], 401, "signature_doubled"],
    ["without a signature, in chunks", ["transfer-encoding: chunked"], 401, "signature_missing"],
    ["without a signature, to be asked for the body", ["content-length: 9", "expect: 100-continue"], 401, "signature_missing"],
    ["of more than the limit", [SIGNED, "content-length: 1000001"], 413, "too_large"],
    ["of more than any limit", [SIGNED, "content-length: 99999999999999"], 413, "too_large"],
    ["compressed", [SIGNED, "content-length: 9", "content-encoding: gzip"], 415, "content_encoding"],
    ["with an expectation that nobody knows", [SIGNED, "content-length: 9", "expect: 200-ok"], 417, "expectation"],
  ])("a delivery %s is answered, and its connection closes", async (_, headers, status, code) => {
    const { ingress } = await testIngress();
    const connection = await openRaw(ingress.port);
    connection.write(post(...headers));
    const answer = await connection.answer();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toMatch(/connection: close/i);
    expect(JSON.parse(answer.split("\r\n\r\n")[1] ?? "").code).toBe(code);
    await connection.closed;
  });

  test("a delivery to a source that takes unsigned ones is not refused", async () => {
    const { ingress, stored } = await testIngress();
    const connection = await openRaw(ingress.port);
    connection.write(post(LENGTH).replace("voiceinfra", "open"));
    connection.write(example);
    expect(await connection.answer()).toMatch(/^HTTP\/1\.1 200 /);
    expect(await stored()).toHaveLength(1);
  });
});

describe("what comes behind a refused head", () => {
  test("is not taken for a request", async () => {
    const { ingress, stored } = await testIngress();
    const hidden = post(SIGNED, LENGTH) + example;
    const answers = await raw(ingress.port, `${post(`content-length: ${hidden.length}`)}${hidden}`);
    expect(answers.match(/^HTTP\/1\.1 \d+/gm)).toEqual(["HTTP/1.1 401"]);
    expect(await stored()).toEqual([]);
  });

  test("is not answered, also when it is a good delivery: its sender opens another connection", async () => {
    const { ingress, stored } = await testIngress();
    const answers = await raw(ingress.port, `${post("content-length: 2")}{}${post(SIGNED, LENGTH)}${example}`);
    expect(answers.match(/^HTTP\/1\.1 \d+/gm)).toEqual(["HTTP/1.1 401"]);
    expect(await stored()).toEqual([]);
  });

  test("may still be written: its sender sees why it was refused", async () => {
    const { post: send } = await testIngress();
    const body = JSON.stringify({ transcript: "x".repeat(900_000) });
    for (let n = 0; n < 5; n += 1) {
      expect(await send({ body, headers: { "x-voiceinfra-signature": "" } })).toMatchObject({
        status: 401,
        json: { code: "signature_missing" },
      });
    }
  });
});

describe("Expect: 100-continue", () => {
  test("is answered when the body is wanted, and then the call", async () => {
    const { ingress, stored } = await testIngress();
    const connection = await openRaw(ingress.port);
    connection.write(post(SIGNED, LENGTH, "expect: 100-continue"));
    expect(await connection.answer()).toMatch(/^HTTP\/1\.1 100 Continue\r\n/);
    connection.write(example);
    expect(await connection.answer()).toMatch(/^HTTP\/1\.1 200 /);
    expect(await stored()).toHaveLength(1);
  });

  test("of a health check is no obstacle", async () => {
    const { ingress } = await testIngress();
    const answer = await raw(ingress.port, "GET /healthz HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n");
    expect(answer).toContain("HTTP/1.1 200 OK");
  });
});

describe("Content-Encoding", () => {
  test.each(["identity", "Identity", "IDENTITY", "", " identity ", "identity, Identity"])("%j is none", async (encoding) => {
    const { ingress, stored } = await testIngress();
    const head = post(SIGNED, LENGTH, `content-encoding: ${encoding}`, "connection: close");
    expect(await raw(ingress.port, head + example)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await stored()).toHaveLength(1);
  });

  test.each(["gzip", "GZIP", "br", "identity, gzip", "gzip, identity", "xidentity"])("%j is refused", async (encoding) => {
    const { post: send } = await testIngress();
    expect(await send({ headers: { "content-encoding": encoding } })).toMatchObject({ status: 415, json: { code: "content_encoding" } });
  });
});

describe("many requests on one connection, none waiting for an answer", () => {
  test("are answered in their order", async () => {
    const { ingress, stored } = await testIngress();
    const questions = Array.from({ length: 10 }, (_, n) => {
      const body = example.toString().replace("call_01HXYZ123456", `call-${n}`);
      return `${post(`x-voiceinfra-signature: ${sign(body)}`, `content-length: ${Buffer.byteLength(body)}`)}${body}`;
    });
    const connection = await openRaw(ingress.port);
    connection.write(questions.join(""));
    for (let n = 0; n < 10; n += 1) expect(await connection.answer()).toContain(`"call_id":"call-${n}"`);
    expect(await stored()).toHaveLength(10);
  });

  test("end with the thirty-second, whose answer says that the connection closes", async () => {
    const { ingress } = await testIngress();
    const answers = await raw(ingress.port, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(500));
    expect(answers.match(/^HTTP\/1\.1 200/gm)).toHaveLength(32);
    expect(answers.match(/connection: close/gi)).toHaveLength(1);
  });
});

describe("a body in chunks", () => {
  const chunked = (piece: string, count: number) => `${piece.length.toString(16)}\r\n${piece}\r\n`.repeat(count);

  test("of one byte each is refused as soon as that is plain", async () => {
    const { ingress } = await testIngress();
    const connection = await openRaw(ingress.port);
    connection.write(post(`x-voiceinfra-signature: ${"0".repeat(64)}`, "transfer-encoding: chunked"));
    connection.write(chunked("x", 5_000));
    expect(await connection.answer()).toContain('"code":"crumbs"');
    await connection.closed;
  });

  test("of a packet each is taken, up to the limit", async () => {
    const { ingress, stored } = await testIngress();
    const call = { ...JSON.parse(example.toString()), transcript: "y".repeat(950_000) };
    const body = JSON.stringify(call);
    const pieces = body.match(/[\s\S]{1,1400}/g) ?? [];
    const head = post(`x-voiceinfra-signature: ${sign(body)}`, "transfer-encoding: chunked", "connection: close");
    const answer = await raw(ingress.port, `${head}${pieces.map((piece) => chunked(piece, 1)).join("")}0\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(Buffer.from((await stored())[0]?.value ?? []).toString()).toBe(body);
  });
});
