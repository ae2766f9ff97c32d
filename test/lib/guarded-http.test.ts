import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createGuardedHttp, discard, NotReachedError } from "../../src/lib/net/guarded-http.ts";

async function serve(answer: RequestListener): Promise<URL> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

function open(options: { connectWithinMs?: number } = {}) {
  const http = createGuardedHttp({ allowPrivate: true, allowHttp: true, ...options });
  onTestFinished(() => http.close());
  return (url: URL, signal = AbortSignal.timeout(5_000)) => http.request({ url, method: "GET", headers: {}, signal });
}

test("an answer that switches protocols is an error at once, and its connection ends", async () => {
  let ended: () => void = () => undefined;
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const server = createTcpServer((socket) => {
    socket.on("close", ended).on("error", () => undefined);
    socket.once("data", () => socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const asking = open()(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`));
  await expect(asking).rejects.toThrow("another protocol");
  await expect(asking).rejects.not.toBeInstanceOf(NotReachedError);
  await end;
});

test("a request that waits for one of our own connections is not called one that reached nobody", async () => {
  const CONNECTIONS = 16;
  const waiting: ServerResponse[] = [];
  let held = true;
  const url = await serve((_request, response) => {
    waiting.push(response);
    // Longer than a connection may take to be made.
    if (waiting.length === CONNECTIONS && held) {
      held = false;
      setTimeout(() => waiting.splice(0).map((one) => one.end("x")), 2_000);
    } else if (!held) waiting.splice(0).map((one) => one.end("x"));
  });
  const ask = open({ connectWithinMs: 1_500 });
  const asked = Array.from({ length: CONNECTIONS + 4 }, async () => {
    const answer = await ask(url);
    discard(answer);
    return answer.status;
  });
  expect(await Promise.all(asked)).toEqual(Array(CONNECTIONS + 4).fill(200));
});

test("a request over a connection that another one has just left is not cut while its answer takes long", async () => {
  let requests = 0;
  const url = await serve((_request, response) => {
    requests += 1;
    if (requests <= 16) response.end("x");
    else setTimeout(() => response.end("x"), 2_000);
  });
  const ask = open({ connectWithinMs: 1_500 });
  const asked = Array.from({ length: 20 }, async () => {
    const answer = await ask(url);
    discard(answer);
    return answer.status;
  });
  expect(await Promise.all(asked)).toEqual(Array(20).fill(200));
});
