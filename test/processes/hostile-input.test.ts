import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { openLog } from "../../src/app.ts";
import { post } from "../../src/commands/send.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { CALLS_TOPIC, type Message } from "../../src/log/log.ts";
import { sampleCall } from "../../src/sandbox/calls.ts";
import { createRandom } from "../simulation/world.ts";
import { mutateBody, mutateHeaders } from "../support/mutations.ts";
import { startPatchbay } from "../support/patchbay-process.ts";

const SECRET = "hostile-secret";
const SEED = Number(process.env.PATCHBAY_SEED ?? 20_261_123);
const REQUESTS = 10_000;
const AT_ONCE = 32;
const ANSWER_WITHIN_MS = 15_000;

async function listening(): Promise<{ url: URL; logUrl: string; pid: number | undefined; output(): string }> {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-hostile-"));
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1\nsources: { voiceinfra: { secrets: ["\${SECRET}"] } }\ndestinations: {}\nroutes: []\n`,
  );
  const logUrl = `sqlite:${folder}/log.db`;
  const ingress = startPatchbay({ args: ["ingress", "--port", "0"], env: { SECRET, PATCHBAY_LOG: logUrl }, cwd: folder });
  onTestFinished(async () => {
    await ingress.end("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const url = new URL(`${(await ingress.logged("ingress listens")).url}/webhooks/voiceinfra`);
  return { url, logUrl, pid: ingress.child.pid, output: ingress.output };
}

interface Asked {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

function ask(url: URL, agent: Agent, asked: Asked): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { method, path, headers, body } = asked;
    const one = request({
      host: url.hostname,
      port: url.port,
      method,
      path,
      headers: { ...headers, "content-length": body.length },
      agent,
      timeout: ANSWER_WITHIN_MS,
    });
    one.on("timeout", () => one.destroy(new Error("no answer")));
    one.on("error", reject);
    one.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    one.end(body);
  });
}

test("10,000 seeded mutations of calls and headers: always an answer, never a 5xx, and what is answered 200 is stored byte for byte", async () => {
  const { url, logUrl, pid, output } = await listening();
  const random = createRandom(SEED);
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  onTestFinished(() => agent.destroy());
  const statuses = new Map<number, number>();
  const accepted: Buffer[] = [];
  const wrong: string[] = [];

  async function one(index: number, asked: Asked): Promise<void> {
    try {
      const { status, text } = await ask(url, agent, asked);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 200 && !JSON.parse(text).repeated) accepted.push(asked.body);
      const bad = status >= 500 || status < 200 || (status !== 200 && typeof JSON.parse(text).code !== "string");
      if (bad) wrong.push(`seed ${SEED}, request ${index}: ${status} ${text.slice(0, 200)}`);
    } catch (error) {
      wrong.push(`seed ${SEED}, request ${index}: ${error instanceof Error ? error.message : error}`);
    }
  }

  for (let from = 0; from < REQUESTS; from += AT_ONCE) {
    // Made one after the other, so that the seed decides them all.
    const batch = Array.from({ length: Math.min(AT_ONCE, REQUESTS - from) }, (_, index): Asked => {
      const body = mutateBody({ ...sampleCall(index), call_id: `hostile-${from + index}` }, random);
      const signed = random.chance(0.9) ? body : Buffer.concat([body, Buffer.from(" ")]);
      const headers = mutateHeaders(createHmac("sha256", SECRET).update(signed).digest("hex"), random);
      const path = random.chance(0.95)
        ? url.pathname
        : random.pick([
            "/webhooks/",
            "/webhooks/other",
            "/webhooks/%00",
            "/webhooks/../etc",
            "/",
            "/webhooks/voiceinfra/x",
            `/${"x".repeat(4_000)}`,
          ]);
      const method = random.chance(0.97) ? "POST" : random.pick(["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]);
      return { method, path, headers, body };
    });
    await Promise.all(batch.map((asked, index) => one(from + index, asked)));
  }
  expect(wrong).toEqual([]);
  expect([...statuses.values()].reduce((sum, n) => sum + n, 0)).toBe(REQUESTS);
  for (const status of [200, 400, 401, 404, 422]) expect(statuses.get(status) ?? 0).toBeGreaterThan(50);
  expect((await post({ url: url.href, secret: SECRET, body: Buffer.from(JSON.stringify(sampleCall(1))) })).status).toBe(200);
  expect(() => process.kill(pid ?? 0, 0)).not.toThrow();
  expect(output()).not.toContain("fault in the ingress");

  const log = await openLog({ url: logUrl, logger: createLogger({ level: "silent" }) });
  const stored: Message[] = await log.read({ topic: CALLS_TOPIC, partition: 0, from: 0, limit: REQUESTS + 10 });
  await log.close();
  const sorted = (bodies: Uint8Array[]) => bodies.map((body) => Buffer.from(body).toString("base64")).sort();
  expect(sorted(stored.slice(0, -1).map(({ value }) => value))).toEqual(sorted(accepted));
});

test("requests that are no HTTP, and bodies that lie about their length, are answered or cut off, and honest ones go on", async () => {
  const { url } = await listening();
  const head = (lines: string) => `POST ${url.pathname} HTTP/1.1\r\nhost: x\r\n${lines}\r\n\r\n`;
  const raw = [
    "\r\n\r\n\r\n",
    "GET\r\n\r\n",
    "\u0016\u0003\u0001\u0002\u0000",
    head("content-length: -1"),
    head("content-length: 5\r\ncontent-length: 6"),
    `${head("transfer-encoding: chunked\r\ncontent-length: 3")}0\r\n\r\n`,
    `${head("transfer-encoding: chunked")}zz\r\n`,
    head(`x-huge: ${"x".repeat(20_000)}`),
    `POST ${url.pathname} HTTP/0.9\r\n\r\n`,
    `POST ${url.pathname} HTTP/1.1\r\nhost: x\r\nx bad: 1\r\n\r\n`,
  ];
  const ends = await Promise.all(raw.map((text) => endOf(url, text)));
  expect(ends.filter((end) => !/^(HTTP\/1\.1 4\d\d|closed)/.test(end))).toEqual([]);
  expect((await post({ url: url.href, secret: SECRET, body: Buffer.from(JSON.stringify(sampleCall(1))) })).status).toBe(200);
});

/** The first line of the answer, or that the connection was closed without one. */
function endOf(url: URL, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(Number(url.port), url.hostname, () => socket.write(text));
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (answer.includes("\r\n")) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer.split("\r\n", 1)[0] || "closed"));
  });
}

test("slow-loris and 2,000 idle connections do not stop honest deliveries; the slow ones are cut off", async () => {
  const { url } = await listening();
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  const open = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect(Number(url.port), url.hostname, () => resolve(socket));
      socket.once("error", reject);
      sockets.push(socket);
    });
  for (let n = 0; n < 2_000; n += 200) await Promise.all(Array.from({ length: 200 }, open));
  const slow = await Promise.all(Array.from({ length: 200 }, open));
  const cut = slow.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  for (const [index, socket] of slow.entries()) {
    socket.on("error", () => undefined);
    const inBody = index % 2 === 0;
    socket.write(
      inBody ? `POST ${url.pathname} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n` : `POST ${url.pathname} HTTP/1.1\r\n`,
    );
  }
  const dripping = setInterval(() => {
    for (const socket of slow) if (!socket.destroyed) socket.write("x");
  });
  onTestFinished(() => clearInterval(dripping));
  for (let n = 0; n < 50; n += 1) {
    const { status, tookMs } = await post({
      url: url.href,
      secret: SECRET,
      body: Buffer.from(JSON.stringify({ ...sampleCall(n), call_id: `honest-${n}` })),
    });
    expect(status).toBe(200);
    expect(tookMs).toBeLessThan(ANSWER_WITHIN_MS);
    await delay(20);
  }
  await Promise.all(cut);
});
