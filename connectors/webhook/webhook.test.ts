import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { Webhook } from "standardwebhooks";
import { describe, expect, onTestFinished, test } from "vitest";
import type { z } from "zod";
import { OpenError, parseJsonExactly, type Receipt, type ResolveName, Secret } from "../../src/connector/index.ts";
import type { RoutesFileError } from "../../src/errors.ts";
import { formatProblems, loadRoutes } from "../../src/routes/index.ts";
import { deliveryOf, documentedCall } from "../../test/support/documented-call.ts";
import { jsonOfNumbers, metadataOfNumbers } from "../../test/support/exact-numbers.ts";
import { GOLDEN_CALLS } from "../../test/support/golden-calls.ts";
import { webhook } from "./index.ts";
import { messageOf } from "./message.ts";
import { openWebhook } from "./open.ts";
import { signatureHeaders } from "./sign.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const KEY = "voiceinfra/call_01HXYZ123456/to-webhook";
const withOf = (written: Record<string, unknown> = {}) => webhook.with.parse(written);
const deliver = (options: Partial<Parameters<typeof deliveryOf>[0]> & { with?: ReturnType<typeof withOf> } = {}) =>
  deliveryOf({ key: KEY, with: withOf(), ...options });

type Written = z.input<typeof webhook.settings>;

interface Received {
  url: string | undefined;
  headers: IncomingHttpHeaders;
  raw: Buffer;
  json: { type: string; timestamp: string; data: Record<string, unknown> };
}

/** A receiver that keeps what it gets, and answers as it is told. */
async function receiver(answer: RequestListener = (_request, response) => response.writeHead(204).end()) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    received.push({ url: request.url, headers: request.headers, raw, json: JSON.parse(raw.toString()) });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, port: (server.address() as AddressInfo).port };
}

async function open(written: Written, options: { resolve?: ResolveName } = {}) {
  const destination = await openWebhook({ settings: webhook.settings.parse(written), ...options });
  onTestFinished(() => destination.close());
  const send = async (delivery = deliver(), signal = AbortSignal.timeout(5_000)) => {
    const [outcome] = await destination.send([delivery], { signal });
    if (!outcome) throw new Error("no outcome");
    return outcome;
  };
  return { send };
}

/** In this machine's own network, which a test has to be. */
const local = (port: number, more: Partial<Written> = {}): Written => ({
  url: `http://127.0.0.1:${port}/hooks`,
  secret: SECRET,
  allow_private: true,
  allow_http: true,
  ...more,
});

async function receiptOf(sending: Promise<{ kind: string; receipt?: Receipt }>): Promise<Receipt> {
  const { receipt } = await sending;
  if (!receipt) throw new Error("not delivered");
  return receipt;
}

describe("the signature", () => {
  test("is the one of the standard's own example", () => {
    const headers = signatureHeaders({
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      atMs: 1614265330_000,
      body: Buffer.from('{"test": 2432232314}'),
      secrets: [new Secret(SECRET)],
    });
    expect(headers).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  test.each(Object.entries(GOLDEN_CALLS))("verifies over exactly the bytes that arrive: %s", async (_name, call) => {
    const { received, port } = await receiver();
    const { send } = await open(local(port));
    expect((await send(deliver({ call }))).kind).toBe("delivered");
    const [one] = received;
    expect(new Webhook(SECRET).verify(one?.raw ?? "", (one?.headers ?? {}) as Record<string, string>)).toEqual(one?.json);
    expect(() => new Webhook(OTHER).verify(one?.raw ?? "", (one?.headers ?? {}) as Record<string, string>)).toThrow(
      /No matching signature/,
    );
    expect(Math.abs(Number(one?.headers["webhook-timestamp"]) * 1000 - Date.now())).toBeLessThan(10_000);
    expect(one?.headers["webhook-id"]).not.toContain(".");
  });

  test("is made with each secret while one is changed, so that old and new receivers verify it", async () => {
    const { received, port } = await receiver();
    const { secret: _, ...settings } = local(port);
    const { send } = await open({ ...settings, secrets: [OTHER, SECRET] });
    await send();
    const { raw, headers } = received[0] as Received;
    for (const secret of [SECRET, OTHER]) new Webhook(secret).verify(raw, headers as Record<string, string>);
    expect(headers["webhook-signature"]).toMatch(/^v1,\S+ v1,\S+$/);
  });
});

describe("webhook-id", () => {
  const idOf = (options: Parameters<typeof deliver>[0] = {}, payload: "full" | "thin" = "full") =>
    messageOf(deliver(options), { payload }).id;
  const previous = (options: Parameters<typeof deliver>[0] = {}) => messageOf(deliver(options), { payload: "full" }).receipt;

  test("and the bytes are the same at each try of one version, also in another process at another time", async () => {
    const { received, port } = await receiver();
    await (await open(local(port))).send(deliver({ sinceAcceptedMs: 10 }));
    await (await open(local(port))).send(deliver({ sinceAcceptedMs: 90_000 }));
    expect(received.map(({ headers }) => headers["webhook-id"])).toEqual([idOf(), idOf()]);
    expect(received[0]?.raw.equals(received[1]?.raw ?? Buffer.alloc(0))).toBe(true);
  });

  test("is another for another route, another call and another content", () => {
    const ids = [
      idOf(),
      idOf({ key: `${KEY}-2` }),
      idOf({ call: documentedCall({ summary: "Other words" }) }),
      idOf({ with: withOf({ fields: { campaign: "spring" } }) }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("is new for a changed call, and new again when the call changes back and forth: no version is taken for an earlier one", async () => {
    const { received, port } = await receiver();
    const { send } = await open(local(port));
    const versions = ["a", "b", "a", "b"].map((summary) => documentedCall({ summary }));
    let previous: Receipt | undefined;
    const ids = new Set<string>();
    for (const call of versions) {
      previous = await receiptOf(send(deliver({ call, ...(previous ? { previous } : {}) })));
      ids.add(previous.id);
    }
    expect(new Set(received.map(({ headers }) => headers["webhook-id"])).size).toBe(versions.length);
    expect(ids.size).toBe(1);
    expect(received.map(({ json }) => json.type)).toEqual(["call.completed", "call.updated", "call.updated", "call.updated"]);
    expect(new Set(received.map(({ json }) => json.data.delivery_key))).toEqual(new Set([KEY]));
  });

  test("of a thin message tells a late summary apart, but not numbers, which it could be searched for", () => {
    const late = { call: documentedCall({ summary: "Late words" }), previous: previous() };
    expect(idOf(late, "thin")).not.toBe(idOf({ previous: previous() }, "thin"));
    const { from_number: _, to_number: __, customer_number: ___, ...unnumbered } = documentedCall();
    expect(idOf({}, "thin")).toBe(idOf({ call: unnumbered }, "thin"));
  });
});

describe("the message", () => {
  test("holds no field that the table of docs/connectors/webhook.md does not list", async () => {
    const listed = new Set(webhook.sends?.map(({ field }) => field));
    for (const call of Object.values(GOLDEN_CALLS)) {
      const { type, timestamp, data, ...rest } = JSON.parse(messageOf(deliver({ call }), { payload: "full" }).body.toString());
      expect(rest).toEqual({});
      expect([type, timestamp].every((one) => typeof one === "string")).toBe(true);
      expect(Object.keys(data).filter((name) => !listed.has(`data.${name}`))).toEqual([]);
    }
  });

  test("thin holds ids and times, and nothing that was said, counted or dialled", () => {
    const call = documentedCall({ transcript: "the word is marzipan", metadata: { campaign: "spring" } });
    const thin = messageOf(deliver({ call, with: withOf({ fields: { team: "north", empty: "" } }) }), { payload: "thin" });
    expect(JSON.parse(thin.body.toString())).toEqual({
      type: "call.completed",
      timestamp: "2025-01-15T14:25:27.000Z",
      data: {
        delivery_key: KEY,
        call_id: "call_01HXYZ123456",
        source: "voiceinfra",
        agent_id: "agent_abc123",
        start_time: "2025-01-15T14:23:00Z",
        end_time: "2025-01-15T14:25:27Z",
        team: "north",
      },
    });
  });

  test("has numbers that a double does not hold with every digit, and another id when the last digit changes", () => {
    const of = (metadata: string) =>
      messageOf(deliver({ call: documentedCall({ metadata: parseJsonExactly(metadata) as never }) }), { payload: "full" });
    const { metadata, unknown } = metadataOfNumbers();
    const text = messageOf(deliver({ call: documentedCall({ metadata, unknown }) }), { payload: "full" }).body.toString();
    expect(text).toContain(`"metadata":${jsonOfNumbers()}`);
    expect(text).toContain('"extra":{"ticket_id":12345678901234567890}');
    expect(of('{"order_id":1234567890123456789}').id).not.toBe(of('{"order_id":1234567890123456788}').id);
  });

  test("has the type that the route says, and another for a changed call", async () => {
    const { received, port } = await receiver();
    const { send } = await open(local(port));
    const rendered = withOf({ type: "acme.call_ended", update_type: "acme.call_changed" });
    const first = await receiptOf(send(deliver({ with: rendered })));
    await send(deliver({ with: rendered, previous: first, call: documentedCall({ duration_seconds: 1 }) }));
    expect(received.map(({ json }) => json.type)).toEqual(["acme.call_ended", "acme.call_changed"]);
  });

  test("goes with the headers of the destination, and with its path and query as they are", async () => {
    const { received, port } = await receiver();
    const { send } = await open({
      ...local(port),
      url: `http://127.0.0.1:${port}/a%2Fb?token=t%20x`,
      headers: { Authorization: "Bearer abc" },
    });
    await send();
    expect(received[0]).toMatchObject({
      url: "/a%2Fb?token=t%20x",
      headers: { authorization: "Bearer abc", "content-type": "application/json", "user-agent": "Patchbay" },
    });
  });
});

describe("what an answer means", () => {
  const answering = async (status: number, headers: Record<string, string> = {}, body = "the word is marzipan") => {
    const { received, port } = await receiver((_request, response) => response.writeHead(status, headers).end(body));
    const { send } = await open(local(port));
    const outcome = await send();
    expect(inspect(outcome)).not.toMatch(/marzipan|4155550100|hooks/);
    return { outcome, received };
  };

  test.each([200, 201, 202, 299])("%i is delivered", async (status) => {
    expect((await answering(status)).outcome.kind).toBe("delivered");
  });

  test.each([301, 302, 303, 307, 308])("%i is followed nowhere, and is no success", async (status) => {
    const elsewhere = await receiver();
    const { outcome } = await answering(status, { location: `http://127.0.0.1:${elsewhere.port}/` });
    expect(outcome).toMatchObject({ kind: "needs-fix", code: "redirect", fix: expect.stringContaining("`url`") });
    expect(inspect(outcome)).not.toContain(String(elsewhere.port));
    expect(elsewhere.received).toEqual([]);
  });

  test("410 stops the route until a person has looked", async () => {
    expect((await answering(410)).outcome).toMatchObject({
      kind: "needs-fix",
      code: "gone",
      stopsRoute: true,
      fix: expect.stringContaining("resume"),
    });
  });

  test.each([401, 403])("%i is a matter of credentials", async (status) => {
    expect((await answering(status)).outcome).toMatchObject({
      kind: "needs-fix",
      code: `http_${status}`,
      fix: expect.stringContaining("secret"),
    });
  });

  test.each([400, 404, 405, 413, 415, 422])("%i rejects this message for good", async (status) => {
    expect((await answering(status)).outcome).toMatchObject({ kind: "rejected", code: `http_${status}` });
  });

  test.each([
    [402, "needs-fix", undefined],
    [407, "needs-fix", undefined],
    [420, "retry", "rate-limit"],
    [421, "retry", "down"],
    [424, "retry", "record"],
    [426, "needs-fix", undefined],
    [451, "needs-fix", undefined],
    [477, "retry", "down"],
    [501, "needs-fix", undefined],
    [507, "retry", "down"],
    [508, "retry", "down"],
    [509, "retry", "rate-limit"],
    [511, "needs-fix", undefined],
    [520, "retry", "server"],
    [521, "retry", "down"],
    [522, "retry", "server"],
    [523, "retry", "down"],
    [524, "retry", "server"],
    [525, "retry", "down"],
    [526, "retry", "down"],
    [529, "retry", "down"],
    [530, "retry", "down"],
    [598, "retry", "server"],
    [599, "retry", "server"],
  ])("%i speaks of the way there, of its region or of the account, not of the call: %s %s", async (status, kind, because) => {
    const { outcome } = await answering(status, { "retry-after": "37" });
    expect(outcome).toMatchObject({
      kind,
      code: `http_${status}`,
      ...(because ? { because, retryAfterMs: 37_000 } : { fix: expect.stringMatching(/\w{5}/) }),
    });
  });

  test.each([
    [429, "rate-limit"],
    [503, "rate-limit"],
    [500, "server"],
    [408, "server"],
    [409, "record"],
    [425, "record"],
  ])("%i with Retry-After is tried again (%s) when it says", async (status, because) => {
    expect((await answering(status, { "retry-after": "37" })).outcome).toMatchObject({ kind: "retry", because, retryAfterMs: 37_000 });
  });

  test.each([
    [408, "server"],
    [423, "record"],
    [425, "record"],
    [429, "rate-limit"],
    [500, "server"],
    [502, "server"],
    [503, "server"],
    [504, "server"],
  ])("%i without Retry-After is tried again (%s)", async (status, because) => {
    const { outcome } = await answering(status);
    expect(outcome).toMatchObject({ kind: "retry", because });
    expect(outcome).not.toHaveProperty("retryAfterMs");
  });

  test("a Retry-After of years is a day", async () => {
    expect((await answering(429, { "retry-after": "999999999" })).outcome).toMatchObject({ retryAfterMs: 86_400_000 });
  });

  test("a 204 whose connection then hangs is delivered at once; an endless answer is cut", async () => {
    let written = 0;
    let closed: () => void = () => undefined;
    const cut = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { port } = await receiver((_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384))) written += 16_384;
      };
      response
        .on("drain", more)
        .on("close", closed)
        .on("error", () => undefined);
      more();
    });
    const { send } = await open(local(port));
    expect((await send(deliver(), new AbortController().signal)).kind).toBe("delivered");
    await cut;
    // What lies in the two sockets' buffers besides.
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });
});

describe("when the connection fails", () => {
  test("a name that does not exist is a destination that is down", async () => {
    const resolve: ResolveName = (_name, _options, done) => done(Object.assign(new Error("no"), { code: "ENOTFOUND" }), []);
    const { send } = await open({ url: "https://hooks.example.com/", secret: SECRET }, { resolve });
    expect(await send()).toMatchObject({ kind: "retry", because: "down", code: "ENOTFOUND" });
  });

  test("a server that speaks no TLS is down, not unclear: nothing of the call was sent", async () => {
    const { port } = await receiver();
    const { send } = await open({ url: `https://127.0.0.1:${port}/`, secret: SECRET, allow_private: true });
    expect(await send()).toMatchObject({ kind: "retry", because: "down" });
  });
});

describe("an address inside", () => {
  const answering = (...addresses: string[]): ResolveName => {
    let asked = 0;
    return (_name, _options, done) => {
      const address = addresses[Math.min(asked++, addresses.length - 1)] ?? "";
      done(null, [{ address, family: address.includes(":") ? 6 : 4 }]);
    };
  };

  test.each([
    "http://127.0.0.1/",
    "https://10.0.0.8/x",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://[::1]/",
    "https://169.254.169.254/latest",
  ])("%s is refused when it is opened, with what to do", async (url) => {
    const opening = open({ url, secret: SECRET, allow_http: true });
    await expect(opening).rejects.toThrow(OpenError);
    await expect(opening).rejects.toMatchObject({ outcome: { kind: "needs-fix", code: "refused_address" } });
  });

  test("behind a name is refused when it is resolved: nothing arrives", async () => {
    const { received, port } = await receiver();
    const url = `http://hooks.example.com:${port}/`;
    const { send } = await open({ url, secret: SECRET, allow_http: true }, { resolve: answering("127.0.0.1") });
    expect(await send()).toMatchObject({
      kind: "needs-fix",
      code: "refused_address",
      fix: expect.stringContaining("allow_private: true"),
    });
    expect(received).toEqual([]);
  });

  test("is taken with allow_private, and the connection goes to the address that was judged, under the name's own Host", async () => {
    const { received, port } = await receiver();
    const url = `http://hooks.example.com:${port}/`;
    const { send } = await open({ url, secret: SECRET, allow_http: true, allow_private: true }, { resolve: answering("127.0.0.1") });
    expect((await send()).kind).toBe("delivered");
    expect(received[0]?.headers.host).toBe(`hooks.example.com:${port}`);
  });

  test("that a name gives at its second resolution is refused too: a receiver cannot turn inwards later", async () => {
    const { received, port } = await receiver((_request, response) => response.writeHead(204, { connection: "close" }).end());
    const url = `http://hooks.example.com:${port}/`;
    const { send } = await open(
      { url, secret: SECRET, allow_http: true, allow_private: true },
      { resolve: answering("127.0.0.1", "169.254.169.254") },
    );
    expect((await send()).kind).toBe("delivered");
    expect(await send()).toMatchObject({ kind: "needs-fix", code: "refused_address", fix: expect.stringContaining("metadata") });
    expect(received).toHaveLength(1);
  });
});

describe("its settings", () => {
  const complaints = (written: Record<string, unknown>) =>
    webhook.settings.safeParse(written).error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`) ?? [];
  const url = "https://example.com/hooks";

  test("want one secret or a list, of the standard's form", () => {
    expect(complaints({ url, secret: SECRET })).toEqual([]);
    expect(complaints({ url, secrets: [SECRET, OTHER] })).toEqual([]);
    expect(complaints({ url })).toEqual([expect.stringContaining("secret is missing")]);
    expect(complaints({ url, secret: SECRET, secrets: [OTHER] })).toHaveLength(1);
    for (const secret of ["hunter2", "whsec_c2hvcnQ=", `whsec_${Buffer.alloc(65).toString("base64")}`, "whsec_***"])
      expect(complaints({ url, secret })).toEqual([expect.stringContaining("openssl rand")]);
  });

  test("want https, unless plain http is asked for", () => {
    expect(complaints({ url: "http://example.com/", secret: SECRET })).toEqual([expect.stringContaining("allow_http: true")]);
    expect(complaints({ url: "http://example.com/", secret: SECRET, allow_http: "true" })).toEqual([]);
    for (const wrong of ["example.com", "ftp://example.com/", "file:///etc/passwd", "https://user:pass@example.com/"])
      expect(complaints({ url: wrong, secret: SECRET })).not.toEqual([]);
  });

  test("take no header that would break the request, and no value of two lines", () => {
    const headers = (one: Record<string, string>) => complaints({ url, secret: SECRET, headers: one });
    expect(headers({ Authorization: "Bearer abc", "X-Team": "north south" })).toEqual([]);
    for (const name of [
      "Host",
      "Content-Length",
      "content-type",
      "Transfer-Encoding",
      "Connection",
      "webhook-id",
      "Webhook-Signature",
      "a b",
      "a:b",
    ])
      expect(headers({ [name]: "x" })).toHaveLength(1);
    for (const value of ["a\r\nX: y", "a\nb", "größe", " a", ""]) expect(headers({ "X-Team": value })).not.toEqual([]);
  });

  test("cannot print their secrets, the URL and the values of headers among them", () => {
    const parsed = webhook.settings.parse({
      url: `${url}?token=marzipan`,
      secrets: [SECRET, OTHER],
      headers: { Authorization: "Bearer nougat" },
    });
    expect(inspect(parsed, { depth: 9 }) + JSON.stringify(parsed)).not.toMatch(/marzipan|nougat|whsec_/);
  });

  test("written out in a file with a mistake, are not shown with the mistake", () => {
    const destination = `{ connector: webhook, url: "${url}?token=marzipan", secret: ${SECRET}, headers: { X-Pass: nougat }, nope: 1 }`;
    const text = `version: 1\nsources: { voiceinfra: { secrets: ["\${A}"] } }\ndestinations:\n  hooks: ${destination}\nroutes: []\n`;
    let error: unknown;
    try {
      loadRoutes({ path: "routes.yaml", text, env: {}, connectors: { webhook } as never, role: { kind: "check-no-env" } });
    } catch (thrown) {
      error = thrown;
    }
    const shown = formatProblems(error as RoutesFileError);
    expect(shown).toContain("headers: { ••••••: •••••• }");
    expect(shown).toContain("nope");
    expect(shown).not.toMatch(/marzipan|nougat|MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw/);
  });

  test("and `with` keep the names that data has anyway", () => {
    expect(webhook.with.safeParse({ fields: { call_id: "x" } }).success).toBe(false);
    expect(webhook.with.safeParse({ type: "not a type" }).success).toBe(false);
    expect(webhook.with.safeParse({ type: "acme.{{ call_outcome }}" }).success).toBe(true);
  });
});
