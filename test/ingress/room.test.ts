import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { createConnections } from "../../src/ingress/connections.ts";
import { createRoom, MAX_BYTES, MAX_UNFINISHED_BYTES } from "../../src/ingress/room.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { openRaw, sign, testIngress } from "./support.ts";

const MB = 1_000_000;

/** A room whose clock the test moves. */
function room() {
  let nowMs = 0;
  const displaced: string[] = [];
  const made = createRoom({ monotonicMs: () => nowMs });
  return {
    ...made,
    held: () => made.heldBytes,
    displaced,
    wait(ms: number) {
      nowMs += ms;
    },
    take: (name: string, bytes: number, address = "proxy") => made.take({ bytes, address, onDisplaced: () => displaced.push(name) }),
  };
}

/** Large bodies, until there is no room for another. */
function fill(one: ReturnType<typeof room>, address = "proxy"): number {
  let taken = 0;
  while (one.take(`large-${taken}`, MB, address)) taken += 1;
  return taken;
}

describe("room for bodies", () => {
  test("is reserved as it is announced, before a byte has come", () => {
    const one = room();
    const taken = fill(one);
    expect(taken * MB).toBeLessThanOrEqual(MAX_UNFINISHED_BYTES);
    expect(taken * MB).toBeGreaterThan(MAX_UNFINISHED_BYTES / 2);
    expect(one.displaced).toEqual([]);
  });

  test("is there for small bodies when large ones have taken theirs", () => {
    const one = room();
    fill(one);
    expect(one.take("small", 3_000)).toBeDefined();
  });

  test("is bounded for bodies of no size too", () => {
    const one = room();
    let taken = 0;
    while (one.take("", 0)) taken += 1;
    expect(taken).toBeLessThan(1_000);
  });

  test("comes back, once, when a body is answered", () => {
    const one = room();
    const place = one.take("a", MB);
    expect(one.held()).toBe(MB);
    place?.received(MB);
    place?.whole();
    expect(one.held()).toBe(MB);
    place?.leave();
    place?.leave();
    expect(one.held()).toBe(0);
  });

  test("of whole bodies is another: while the log is slow, new ones still come in, up to the bound", () => {
    const one = room();
    let whole = 0;
    for (let place = one.take("a", MB); place; place = one.take("a", MB)) {
      place.received(MB);
      place.whole();
      whole += 1;
    }
    expect(whole).toBe(MAX_BYTES / MB);
    one.wait(60_000);
    expect(one.take("a", 10)).toBeUndefined();
    expect(one.displaced).toEqual([]);
  });

  test("is made by what is slow, the oldest first; what comes well stays", () => {
    const one = room();
    const first = one.take("well", MB);
    fill(one);
    one.wait(400);
    first?.received(400_000);
    expect(one.take("next", MB)).toBeUndefined();
    one.wait(400);
    first?.received(400_000);
    expect(one.take("next", MB)).toBeDefined();
    expect(one.displaced).toEqual(["large-0"]);
  });

  test("is made at once by an address that holds more than its share; a sender with another address waits for nobody", () => {
    const one = room();
    fill(one, "192.0.2.66");
    expect(one.take("honest", MB, "198.51.100.1")).toBeDefined();
    expect(one.displaced).toEqual(["large-0"]);
    // To the greedy one itself it is only full.
    expect(one.take("more", MB, "192.0.2.66")).toBeUndefined();
  });

  test("of a body without a length grows with it, and may end on the way", () => {
    const one = room();
    const growing = one.take("growing", 32_000);
    expect(growing?.grow(900_000)).toBe(true);
    expect(one.held()).toBe(900_000);
    fill(one);
    one.take("rest", 90_000);
    expect(growing?.grow(1_000_000)).toBe(false);
  });
});

describe("connections", () => {
  async function serve(limits: { mostIdle: number; most: number; displaceSlow?: () => boolean }) {
    let displaced = 0;
    const connections = createConnections({
      displaceSlow: limits.displaceSlow ?? (() => false),
      onDisplaced: () => {
        displaced += 1;
      },
      ...limits,
    });
    const server: Server = createServer().listen(0);
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    return {
      connections,
      displaced: () => displaced,
      async open(): Promise<{ theirs: Socket; ours: Socket; closed: Promise<unknown> }> {
        const theirs = connect(port, "127.0.0.1");
        onTestFinished(() => void theirs.destroy());
        const [ours] = (await once(server, "connection")) as [Socket];
        connections.opened(ours);
        return { theirs, ours, closed: once(theirs, "close") };
      },
    };
  }
  const request = (socket: Socket) => ({ socket }) as never;

  test("that wait without a request are bounded: the longest waiting one is closed for a new one", async () => {
    const { open, connections, displaced } = await serve({ mostIdle: 2, most: 10 });
    const [first, second] = [await open(), await open()];
    // The first one's request has come: it is not idle any more.
    connections.begins(request(first.ours));
    const [third, fourth] = [await open(), await open()];
    await second.closed;
    expect(displaced()).toBe(1);
    expect([first, third, fourth].map(({ ours }) => ours.destroyed)).toEqual([false, false, false]);
    expect(connections.count).toBe(3);
  });

  test("that all have a request under way: a slow body gives way, or else the new one is not taken", async () => {
    let slow = 1;
    const displaceSlow = () => {
      slow -= 1;
      return slow >= 0;
    };
    const { open, connections } = await serve({ mostIdle: 2, most: 1, displaceSlow });
    const first = await open();
    connections.begins(request(first.ours));
    const second = await open();
    connections.begins(request(second.ours));
    const third = await open();
    await third.closed;
    expect([first, second].map(({ ours }) => ours.destroyed)).toEqual([false, false]);
  });
});

describe("an ingress under connections that send no bodies", () => {
  const announce = (bytes: number) =>
    `POST /webhooks/voiceinfra HTTP/1.1\r\nhost: x\r\nx-voiceinfra-signature: ${"0".repeat(64)}\r\ncontent-length: ${bytes}\r\n\r\n`;

  test("answers 503 beyond its room, and takes calls all the same", async () => {
    const { ingress, opsUrl, post } = await testIngress();
    const connections = await Promise.all(Array.from({ length: 40 }, () => openRaw(ingress.port)));
    for (const one of connections) one.write(announce(MB));
    const [refused] = await Promise.all([Promise.any(connections.map((one) => one.answer()))]);
    expect(refused).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 1[\s\S]*"overloaded"/i);
    expect((await post()).status).toBe(200);
    const metrics = await (await fetch(`${opsUrl}/metrics`)).text();
    expect(Number(/^patchbay_ingress_held_bytes (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(10 * MB);
    expect(metrics).toMatch(/^patchbay_ingress_connections [1-9]\d*$/m);
  });

  test("gives the room back when they close", async () => {
    const { ingress, opsUrl, post } = await testIngress();
    const one = await openRaw(ingress.port);
    one.write(`${announce(documentedExample().byteLength)}${documentedExample()}`);
    expect(await one.answer()).toMatch(/^HTTP\/1\.1 401 /);
    expect((await post({ headers: { "x-voiceinfra-signature": sign("other") } })).status).toBe(401);
    expect(await (await fetch(`${opsUrl}/metrics`)).text()).toMatch(/^patchbay_ingress_held_bytes 0$/m);
  });
});
