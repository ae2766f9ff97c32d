import { describe, expect, test } from "vitest";
import { LogUnavailableError } from "../../src/errors.ts";
import { createRepeated } from "../../src/ingress/repeated.ts";
import { Secret } from "../../src/lib/secret.ts";
import { CALLS_TOPIC, type Log, type LogRecord, type Position } from "../../src/log/log.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { until } from "../contracts/log.contract.ts";
import { OLD_SECRET, QUARANTINE_TOPIC, SECRET, sign, testIngress } from "./support.ts";

const ACCEPTED = { status: 200, json: { status: "accepted", call_id: "call_01HXYZ123456" } };
const REPEATED = { status: 200, json: { ...ACCEPTED.json, repeated: true } };

describe("the same bytes again", () => {
  test("are acknowledged as repeated, and stored once", async () => {
    const { post, stored, opsUrl } = await testIngress();
    const first = await post();
    expect(first).toMatchObject(ACCEPTED);
    expect(first.json).not.toHaveProperty("repeated");
    for (let n = 0; n < 5; n += 1) expect(await post()).toMatchObject(REPEATED);
    expect(await stored()).toHaveLength(1);
    const metrics = await (await fetch(`${opsUrl}/metrics`)).text();
    expect(metrics).toContain('patchbay_ingress_requests_total{source="voiceinfra",code="repeated"} 5');
    expect(metrics).toContain(`patchbay_ingress_body_bytes_total{source="voiceinfra"} ${documentedExample().byteLength}`);
  });

  test("with a changed byte are another version, and stored", async () => {
    const { post, stored } = await testIngress();
    await post();
    const body = documentedExample().toString().replace("147", "148");
    expect((await post({ body })).json).not.toHaveProperty("repeated");
    expect(await stored()).toHaveLength(2);
  });

  test("for another source, or without a signature where that is allowed, are told apart", async () => {
    const sources = [
      { name: "voiceinfra", secrets: [new Secret(SECRET)], allowUnsigned: false },
      { name: "twin", secrets: [new Secret(SECRET)], allowUnsigned: true },
    ];
    const { post, stored } = await testIngress({ sources });
    const unsigned = { "x-voiceinfra-signature": "" };
    expect((await post()).json).not.toHaveProperty("repeated");
    expect((await post({ path: "/webhooks/twin" })).json).not.toHaveProperty("repeated");
    expect((await post({ path: "/webhooks/twin", headers: unsigned })).json).not.toHaveProperty("repeated");
    expect((await post({ path: "/webhooks/twin", headers: unsigned })).json).toHaveProperty("repeated", true);
    expect((await stored()).map(({ key }) => key.split("/")[0])).toEqual(["voiceinfra", "twin", "twin"]);
  });

  test("signed with the secret before a rotation are stored again: it is a saving, no promise", async () => {
    const { post, stored } = await testIngress();
    await post();
    expect((await post({ headers: { "x-voiceinfra-signature": sign(documentedExample(), OLD_SECRET) } })).status).toBe(200);
    expect(await stored()).toHaveLength(2);
  });

  test("need their signature every time", async () => {
    const { post } = await testIngress();
    await post();
    expect((await post({ headers: { "x-voiceinfra-signature": sign("other") } })).status).toBe(401);
    expect((await post({ headers: { "x-voiceinfra-signature": "" } })).status).toBe(401);
  });

  test("are not held by a log that does not answer the look: they are stored again, or refused at once", async () => {
    let away = false;
    const { post } = await testIngress({
      wrap: (log) => ({
        ...log,
        read: (query) => (away ? new Promise(() => undefined) : log.read(query)),
        append: (record) => (away ? Promise.reject(new LogUnavailableError("away")) : log.append(record)),
      }),
    });
    expect(await post()).toMatchObject(ACCEPTED);
    away = true;
    expect((await post()).status).toBe(503);
  });

  test("after a 503 are stored: what was not durable is not remembered", async () => {
    let away = true;
    const { post, stored } = await testIngress({
      wrap: (log) => ({
        ...log,
        append: (record) => (away ? Promise.reject(new LogUnavailableError("away")) : log.append(record)),
      }),
    });
    expect((await post()).status).toBe(503);
    away = false;
    expect((await post()).json).not.toHaveProperty("repeated");
    expect(await stored()).toHaveLength(1);
  });

  test("while the first are being stored wait for them, and share their end", async () => {
    const held: { finish: (how: "stored" | "lost") => void }[] = [];
    const begun = Promise.withResolvers<void>();
    const { post, stored, opsUrl } = await testIngress({
      wrap: (log) => ({
        ...log,
        append: (record: LogRecord) =>
          new Promise<Position>((resolve, reject) => {
            held.push({
              finish: (how) => (how === "stored" ? void log.append(record).then(resolve, reject) : reject(new LogUnavailableError("away"))),
            });
            begun.resolve();
          }),
      }),
    });
    const first = post();
    await begun.promise;
    let answered = 0;
    const others = [post(), post()].map((one) =>
      one.finally(() => {
        answered += 1;
      }),
    );
    await until(async () => /^patchbay_ingress_in_flight 3$/m.test(await (await fetch(`${opsUrl}/metrics`)).text()));
    expect({ answered, appends: held.length }).toEqual({ answered: 0, appends: 1 });
    held[0]?.finish("lost");
    expect((await Promise.all([first, ...others])).map(({ status }) => status)).toEqual([503, 503, 503]);
    expect(await stored()).toEqual([]);
  });

  test("when the log says that it cannot store are answered 503: what it held may be gone with it", async () => {
    let away = false;
    const fail = () => Promise.reject(new LogUnavailableError("its file was removed"));
    const { post } = await testIngress({
      wrap: (log) => ({ ...log, append: (record) => (away ? fail() : log.append(record)), check: () => (away ? fail() : log.check()) }),
    });
    expect((await post()).status).toBe(200);
    away = true;
    expect((await post()).status).toBe(503);
  });

  test("whose record was erased from the log, as by `forget`, are stored again", async () => {
    const { post, stored, log } = await testIngress();
    await post();
    const [message] = await stored();
    await log.erase?.({ topic: CALLS_TOPIC, partition: 0, offset: message?.offset ?? 0 });
    expect((await post()).json).not.toHaveProperty("repeated");
    expect(await stored()).toHaveLength(2);
  });

  test("of a record that is no call are answered 422 every time, and kept once", async () => {
    const { post, stored } = await testIngress();
    for (let n = 0; n < 3; n += 1) expect((await post({ body: '{"call_id":"c"}' })).status).toBe(422);
    expect(await stored(QUARANTINE_TOPIC)).toHaveLength(1);
  });
});

describe("what is remembered", () => {
  const body = Buffer.from("the body");
  const position = { partition: 3, offset: 7 };
  const MINUTE_MS = 60_000;

  function memory(read: Log["read"] = async () => [{ ...position, value: body } as never]) {
    let nowMs = 0;
    let reads = 0;
    const log = {
      read: (options: Parameters<Log["read"]>[0]) => {
        reads += 1;
        return read(options);
      },
    } as unknown as Log;
    const repeated = createRepeated({ log, isReady: async () => true, monotonicMs: () => nowMs });
    return {
      ...repeated,
      reads: () => reads,
      wait(ms: number) {
        nowMs += ms;
      },
      remember: (key: string) => repeated.remember(key, { callId: `call ${key}`, stored: Promise.resolve(position) }),
    };
  }

  test("is forgotten after ten minutes, also when it was asked for meanwhile", async () => {
    const one = memory();
    one.remember("a");
    one.wait(9 * MINUTE_MS);
    expect(await one.find({ key: "a", body })).toEqual({ callId: "call a" });
    one.wait(MINUTE_MS);
    expect(await one.find({ key: "a", body })).toBeUndefined();
  });

  test("is bounded: the oldest is forgotten first", async () => {
    const one = memory();
    for (let n = 0; n < 10_001; n += 1) one.remember(String(n));
    expect(await one.find({ key: "0", body })).toBeUndefined();
    expect(await one.find({ key: "1", body })).toBeDefined();
  });

  test("is looked up in the log, at most once a second for each body", async () => {
    const one = memory();
    one.remember("a");
    for (let n = 0; n < 50; n += 1) await one.find({ key: "a", body });
    expect(one.reads()).toBe(1);
    one.wait(1_000);
    await one.find({ key: "a", body });
    expect(one.reads()).toBe(2);
  });

  test.each<[string, Log["read"]]>([
    ["has other bytes at its place, since the log was made anew", async () => [{ ...position, value: Buffer.from("another") } as never]],
    ["has nothing at its place", async () => []],
    ["has only later records", async () => [{ ...position, offset: 8, value: body } as never]],
    ["cannot be read", () => Promise.reject(new Error("no broker"))],
  ])("is not believed when the log %s", async (_, read) => {
    const one = memory(read);
    one.remember("a");
    expect(await one.find({ key: "a", body })).toBeUndefined();
  });
});
