import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { LogUnavailableError, RecordTooLargeError } from "../../src/errors.ts";
import {
  CALLS_TOPIC,
  type Log,
  type LogRecord,
  MAX_RECORD_BYTES,
  type Position,
  QUARANTINE_TOPIC,
  type SubscribeOptions,
  type Subscription,
  type Taken,
} from "../../src/log/log.ts";

export interface LogHarness {
  name: string;
  /** Opens the same log each time: another connection, as another process would. */
  open(): Promise<Log>;
  /** Takes the store away. */
  remove(): Promise<void>;
  /** Whether members of one group share its partitions; else one has all and the others stand by. */
  shares: boolean;
  /** Opens another log, loses it, and makes one of the same name; what told the lost one, and the new one. */
  makeAnew(): Promise<{ lost: string; made: Log }>;
}

const WITHIN_MS = 120_000;

/** The promises of `src/log/log.ts`, for every engine. */
export function describeLog(harness: LogHarness): void {
  describe(`the log on ${harness.name}`, () => {
    let log: Log;
    beforeAll(async () => {
      log = await harness.open();
    });
    afterAll(async () => {
      await log.close();
      await harness.remove();
    });

    const newGroup = () => `patchbay.test-${randomUUID().slice(0, 8)}`;

    async function appendAll(count: number, options: { key?: string; in?: Log } = {}): Promise<string[]> {
      const values = Array.from({ length: count }, () => randomUUID());
      const { key, in: into = log } = options;
      await Promise.all(values.map((value) => into.append(record(value, key === undefined ? {} : { key }))));
      return values;
    }

    async function ends(): Promise<Position[]> {
      return (await log.ranges(CALLS_TOPIC)).map(({ partition, high }) => ({ partition, offset: high }));
    }

    /** A member of a new group that begins at what is appended from now on, unless told otherwise. */
    async function member(options: Partial<SubscribeOptions> & { in?: Log } = {}): Promise<{ group: string; subscription: Subscription }> {
      const { in: from = log, group = newGroup(), ...rest } = options;
      const subscription = await from.subscribe({ topic: CALLS_TOPIC, group, start: rest.start ?? (await ends()), ...rest });
      onTestFinished(() => subscription.stop({ graceMs: 0 }));
      return { group, subscription };
    }

    const lagOf = async (group: string): Promise<number> => {
      const committed = await log.committed({ group, topic: CALLS_TOPIC });
      const ranges = await log.ranges(CALLS_TOPIC);
      return ranges.reduce((sum, { partition, low, high }) => {
        return sum + high - (committed.find((one) => one.partition === partition)?.offset ?? low);
      }, 0);
    };

    describe("append", () => {
      test("keeps the bytes, the key and the headers as they came, odd ones included", async () => {
        const value = new Uint8Array([0, 255, 10, 13, 0xc3, 0x28]);
        const headers = { source: "voiceinfra", "x-empty": "", "x-text": "größe 🙂 \u0000 \n" };
        const key = "voiceinfra/call_ü🙂";
        const { partition, offset } = await log.append({ topic: CALLS_TOPIC, key, value, headers });
        const [message] = await log.read({ topic: CALLS_TOPIC, partition, from: offset, limit: 1 });
        expect(message).toEqual({
          topic: CALLS_TOPIC,
          partition,
          offset,
          key,
          headers,
          value: expect.anything(),
          appendedAt: expect.any(Number),
        });
        expect(Buffer.from(message?.value ?? [])).toEqual(Buffer.from(value));
        expect(Math.abs(Date.now() - (message?.appendedAt ?? 0))).toBeLessThan(60_000);
      });

      test("takes an empty value and a value of the largest size", async () => {
        for (const size of [0, MAX_RECORD_BYTES - 1_000]) {
          const place = await log.append({ ...record(""), value: Buffer.alloc(size, 7) });
          const [message] = await log.read({ topic: CALLS_TOPIC, partition: place.partition, from: place.offset, limit: 1 });
          expect(message?.value.byteLength).toBe(size);
        }
      });

      test("refuses a record above the limit, counting key and headers, and stores the next one", async () => {
        const headers = { big: "ü".repeat(500) };
        const tooLarge = log.append({ topic: CALLS_TOPIC, key: "k", value: Buffer.alloc(MAX_RECORD_BYTES - 900), headers });
        await expect(tooLarge).rejects.toBeInstanceOf(RecordTooLargeError);
        await expect(log.append(record("small"))).resolves.toMatchObject({ offset: expect.any(Number) });
      });

      test("keeps the order of records with one key, in one partition", async () => {
        const values = Array.from({ length: 300 }, (_, index) => `${index}`);
        const places = await Promise.all(values.map((value) => log.append(record(value, { key: "same" }))));
        expect(new Set(places.map(({ partition }) => partition)).size).toBe(1);
        const offsets = places.map(({ offset }) => offset);
        expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
        const { partition, offset } = places[0] as Position;
        const read = await log.read({ topic: CALLS_TOPIC, partition, from: offset, limit: 300 });
        expect(read.map(({ value }) => text(value))).toEqual(values);
      });

      test("says the offset at which each record lies, also of those that were sent together", async () => {
        const records = Array.from({ length: 200 }, (_, index) => record(`${index}`, { key: `key-${index % 17}` }));
        const places = await Promise.all(records.map((one) => log.append(one)));
        for (const [index, { partition, offset }] of places.entries()) {
          const [message] = await log.read({ topic: CALLS_TOPIC, partition, from: offset, limit: 1 });
          expect(message && text(message.value)).toBe(`${index}`);
        }
      });

      test("keeps topics apart", async () => {
        const before = await log.ranges(QUARANTINE_TOPIC);
        const calls = await log.ranges(CALLS_TOPIC);
        await log.append({ ...record("bad"), topic: QUARANTINE_TOPIC });
        expect(sum(await log.ranges(QUARANTINE_TOPIC))).toBe(sum(before) + 1);
        expect(sum(await log.ranges(CALLS_TOPIC))).toBe(sum(calls));
      });

      test("after close, says that the log is closed", async () => {
        const other = await harness.open();
        await other.close();
        await expect(other.append(record("late"))).rejects.toBeInstanceOf(LogUnavailableError);
      });
    });

    describe("read without a group", () => {
      test("gives exactly what was asked for, and less only at the end", async () => {
        const [first] = await Promise.all(Array.from({ length: 50 }, (_, index) => log.append(record(`${index}`, { key: "reading" }))));
        const { partition, offset } = first as Position;
        const read = (from: number, limit: number) => log.read({ topic: CALLS_TOPIC, partition, from, limit });
        expect((await read(offset + 10, 5)).map((one) => one.offset)).toEqual([10, 11, 12, 13, 14].map((step) => offset + step));
        const [range] = (await log.ranges(CALLS_TOPIC)).filter((one) => one.partition === partition);
        const high = range?.high ?? 0;
        expect(await read(high - 3, 100)).toHaveLength(3);
        expect(await read(high, 10)).toEqual([]);
        expect(await read(high + 1_000, 10)).toEqual([]);
        expect(await log.read({ topic: CALLS_TOPIC, partition: 9_999, from: 0, limit: 1 }).catch(() => [])).toEqual([]);
      });

      test("reads many records of different sizes whole, in order", async () => {
        const sizes = Array.from({ length: 40 }, (_, index) => (index % 9 === 0 ? 300_000 : 1_000 + index));
        const places = await Promise.all(sizes.map((size) => log.append({ ...record("", { key: "sizes" }), value: Buffer.alloc(size) })));
        const { partition, offset } = places[0] as Position;
        const read = await log.read({ topic: CALLS_TOPIC, partition, from: offset, limit: sizes.length });
        expect(read.map(({ value }) => value.byteLength)).toEqual(sizes);
      });

      test("finds the offset of a time", async () => {
        const value = randomUUID();
        const place = await log.append(record(value, { key: "times" }));
        const [message] = await log.read({ topic: CALLS_TOPIC, partition: place.partition, from: place.offset, limit: 1 });
        const appendedAt = message?.appendedAt ?? 0;
        const at = (atMs: number) => log.offsetsAt({ topic: CALLS_TOPIC, atMs });
        const found = (await at(appendedAt)).find((one) => one.partition === place.partition);
        expect(found?.offset).toBeLessThanOrEqual(place.offset);
        expect(await at(0)).toEqual((await log.ranges(CALLS_TOPIC)).map(({ partition, low }) => ({ partition, offset: low })));
        expect(await at(Date.now() + 60_000)).toEqual(await ends());
      });

      test("tells itself from another log, and answers the same each time", async () => {
        const identity = await log.identity();
        expect(identity.length).toBeGreaterThan(8);
        const other = await harness.open();
        onTestFinished(() => other.close());
        expect(await other.identity()).toBe(identity);
        for (const earlier of (await log.earlierIdentities?.()) ?? []) expect(earlier).not.toBe(identity);
      });

      test("tells itself from one of the same name that was lost", async () => {
        const { lost, made } = await harness.makeAnew();
        onTestFinished(() => made.close());
        expect(await made.identity()).not.toBe(lost);
      });
    });

    describe("a group", () => {
      test("takes every message once, in the order of each key, and its lag becomes 0", async () => {
        const { group, subscription } = await member();
        await untilHeld(subscription);
        const values = await appendAll(500);
        const taken = await takeAll(subscription, 500);
        expect(taken.map((one) => text(one.message.value)).sort()).toEqual([...values].sort());
        for (const one of taken) one.ack();
        await until(async () => (await lagOf(group)) === 0);
      });

      test("begins where `start` says, at the oldest message in partitions it does not name", async () => {
        await appendAll(5);
        const start = await ends();
        const values = await appendAll(30);
        const later = await member({ start });
        expect((await takeAll(later.subscription, 30)).map((one) => text(one.message.value)).sort()).toEqual([...values].sort());

        const all = await member({ start: [] });
        const ranges = await log.ranges(CALLS_TOPIC);
        const everything = await takeAll(all.subscription, sum(ranges), { ack: true });
        expect(everything).toHaveLength(sum(ranges));
      });

      test("says where it begins before it has done anything, so that lag is right from the start", async () => {
        const start = await ends();
        await appendAll(7);
        const { group, subscription } = await member({ start });
        await untilHeld(subscription);
        await until(async () => (await log.committed({ group, topic: CALLS_TOPIC })).length === start.length);
        expect(await lagOf(group)).toBe(7);
      });

      test("goes on where it was after a restart, whatever `start` says then", async () => {
        const { group, subscription } = await member();
        await untilHeld(subscription);
        await appendAll(10);
        for (const one of await takeAll(subscription, 10)) one.ack();
        await subscription.stop({ graceMs: 1_000 });
        const values = await appendAll(4);
        const again = await member({ group, start: [] });
        const taken = await takeAll(again.subscription, 4);
        expect(taken.map((one) => text(one.message.value)).sort()).toEqual([...values].sort());
      });

      test("never commits past a message that is not done, and takes it again after a restart", async () => {
        const { group, subscription } = await member();
        await untilHeld(subscription);
        await appendAll(6, { key: "one-partition" });
        const taken = await takeAll(subscription, 6);
        const open = taken[2] as Taken;
        for (const one of taken) if (one !== open) one.ack();
        await until(async () => (await lagOf(group)) === 4);
        const { partition, offset } = open.message;
        const position = (await log.committed({ group, topic: CALLS_TOPIC })).find((one) => one.partition === partition);
        expect(position?.offset).toBe(offset);
        await until(async () => {
          const now = (await log.committed({ group, topic: CALLS_TOPIC })).find((one) => one.partition === partition);
          return now?.oldestOpenAt === open.message.appendedAt;
        });
        await subscription.stop({ graceMs: 0 });
        const again = await member({ group });
        const second = await takeAll(again.subscription, 4);
        expect(second.map((one) => one.message.offset)).toEqual([0, 1, 2, 3].map((step) => offset + step));
      });

      test("hands a released message out again, to the same member", async () => {
        const { subscription } = await member();
        await untilHeld(subscription);
        const [value] = await appendAll(1);
        const [first] = await takeAll(subscription, 1);
        first?.release();
        first?.ack();
        const [second] = await takeAll(subscription, 1);
        expect(second && text(second.message.value)).toBe(value);
      });

      test("holds no more than its window, and goes on as messages are done", async () => {
        const { group, subscription } = await member({ window: { maxMessages: 24, maxBytes: 1_000_000 } });
        await untilHeld(subscription);
        await appendAll(200);
        const signal = AbortSignal.timeout(WITHIN_MS);
        let taken = 0;
        while (taken < 200 && !signal.aborted) {
          for (const one of await subscription.take({ max: 10, signal })) {
            taken += 1;
            setTimeout(() => one.ack(), 10);
          }
          expect(subscription.status().open).toBeLessThanOrEqual(24);
        }
        expect(taken).toBe(200);
        await until(async () => (await lagOf(group)) === 0);
      });

      test("takes a message that is larger than its window", async () => {
        const { subscription } = await member({ window: { maxMessages: 10, maxBytes: 1_000 } });
        await untilHeld(subscription);
        await log.append({ ...record(""), value: Buffer.alloc(400_000) });
        const [one] = await takeAll(subscription, 1);
        expect(one?.message.value.byteLength).toBe(400_000);
      });

      test("paused, hands out nothing and its lag grows; resumed, goes on", async () => {
        const { group, subscription } = await member();
        await untilHeld(subscription);
        subscription.pause();
        await appendAll(5);
        const stopped = new AbortController();
        const taking = subscription.take({ max: 10, signal: stopped.signal });
        await until(async () => (await lagOf(group)) === 5);
        stopped.abort();
        expect(await taking).toEqual([]);
        expect(subscription.status().partitions.length).toBeGreaterThan(0);
        subscription.resume();
        await takeAll(subscription, 5, { ack: true });
        await until(async () => (await lagOf(group)) === 0);
      });

      test("does not feel another group of the same topic", async () => {
        const slow = await member();
        const quick = await member();
        await untilHeld(slow.subscription);
        await untilHeld(quick.subscription);
        await appendAll(20);
        const [stuck] = await takeAll(slow.subscription, 1);
        await takeAll(quick.subscription, 20, { ack: true });
        await until(async () => (await lagOf(quick.group)) === 0);
        expect(await lagOf(slow.group)).toBe(20);
        stuck?.release();
      });

      test("tells what it holds: partitions, open messages and since when the oldest waits", async () => {
        const { subscription } = await member();
        await untilHeld(subscription);
        await appendAll(3, { key: "status" });
        const taken = await takeAll(subscription, 3);
        const status = subscription.status();
        expect(status).toMatchObject({ standby: false, open: 3, oldestOpenAt: taken[0]?.message.appendedAt });
        expect(Date.now() - status.aliveAt).toBeLessThan(30_000);
        for (const one of taken) one.ack();
        expect(subscription.status()).toMatchObject({ open: 0, oldestOpenAt: undefined });
      });

      test("that was never there has no position", async () => {
        expect(await log.committed({ group: newGroup(), topic: CALLS_TOPIC })).toEqual([]);
      });
    });

    describe("stopping", () => {
      test("waits for what is taken, hands out nothing more, and commits", async () => {
        const { group, subscription } = await member();
        await untilHeld(subscription);
        await appendAll(3, { key: "stopping" });
        const taken = await takeAll(subscription, 2);
        const stopping = subscription.stop({ graceMs: 10_000 });
        expect(await subscription.take({ max: 10 })).toEqual([]);
        expect(taken.every(({ signal }) => signal.aborted)).toBe(true);
        for (const one of taken) one.ack();
        await stopping;
        expect(await lagOf(group)).toBe(1);
      });

      test("ends a take that waits", async () => {
        const { subscription } = await member();
        const taking = subscription.take({ max: 1 });
        await subscription.stop({ graceMs: 0 });
        expect(await taking).toEqual([]);
      });

      test("does not wait longer than it is told; what is acknowledged afterwards counts no more", async () => {
        const { group, subscription } = await member();
        await untilHeld(subscription);
        await appendAll(1);
        const [one] = await takeAll(subscription, 1);
        await subscription.stop({ graceMs: 50 });
        one?.ack();
        expect(await lagOf(group)).toBe(1);
        await subscription.stop({ graceMs: 50 });
      });
    });

    describe("a second member of the group, in another process", () => {
      async function otherLog(): Promise<Log> {
        const other = await harness.open();
        onTestFinished(() => other.close());
        return other;
      }

      const whereShared = harness.shares ? "" : " (skipped: the embedded log has one partition, held by one process at a time)";
      test.skipIf(!harness.shares)(`shares the partitions; nothing is taken twice while it joins${whereShared}`, async () => {
        const first = await member();
        await untilHeld(first.subscription);
        const other = await otherLog();
        const values = await appendAll(400);
        const seen: string[] = [];
        const drain = async (subscription: Subscription) => {
          for (;;) {
            const taken = await subscription.take({ max: 20 });
            if (taken.length === 0) return;
            for (const one of taken) {
              seen.push(text(one.message.value));
              setTimeout(() => one.ack(), 30);
            }
          }
        };
        const draining = [drain(first.subscription)];
        const second = await member({ in: other, group: first.group });
        draining.push(drain(second.subscription));
        await until(() => second.subscription.status().partitions.length > 0 && first.subscription.status().partitions.length > 0);
        const held = [first, second].flatMap(({ subscription }) => subscription.status().partitions);
        expect([...held].sort((a, b) => a - b)).toEqual((await ends()).map(({ partition }) => partition));
        values.push(...(await appendAll(200)));
        await until(async () => (await lagOf(first.group)) === 0);
        expect(seen.sort()).toEqual(values.sort());
        await Promise.all([first, second].map(({ subscription }) => subscription.stop({ graceMs: 1_000 })));
        await Promise.all(draining);
      });

      if (!harness.shares)
        test("stands by, and takes over where the first one stopped", async () => {
          const first = await member();
          const other = await otherLog();
          const second = await member({ in: other, group: first.group });
          await appendAll(3);
          for (const one of await takeAll(first.subscription, 2)) one.ack();
          expect(first.subscription.status()).toMatchObject({ standby: false, partitions: [0] });
          expect(second.subscription.status()).toMatchObject({ standby: true, partitions: [] });
          await first.subscription.stop({ graceMs: 1_000 });
          expect(await takeAll(second.subscription, 1)).toHaveLength(1);
          expect(second.subscription.status()).toMatchObject({ standby: false, partitions: [0] });
        });

      test("reads at once what another process appends", async () => {
        const { subscription } = await member();
        await untilHeld(subscription);
        const other = await otherLog();
        const values = await appendAll(3, { in: other });
        expect((await takeAll(subscription, 3)).map((one) => text(one.message.value)).sort()).toEqual([...values].sort());
      });
    });

    test("says that it can store records", async () => {
      await expect(log.check()).resolves.toBeUndefined();
    });

    test("closing twice is closing once", async () => {
      const other = await harness.open();
      await other.subscribe({ topic: CALLS_TOPIC, group: newGroup(), start: [] });
      await Promise.all([other.close(), other.close()]);
    });
  });
}

export function record(value: string, options: { key?: string } = {}): LogRecord {
  return { topic: CALLS_TOPIC, key: options.key ?? randomUUID(), value: Buffer.from(value), headers: {} };
}

export function text(value: Uint8Array): string {
  return Buffer.from(value).toString();
}

function sum(ranges: { low: number; high: number }[]): number {
  return ranges.reduce((total, { low, high }) => total + high - low, 0);
}

/** Exactly `count` messages. */
export async function takeAll(subscription: Subscription, count: number, options: { ack?: boolean } = {}): Promise<Taken[]> {
  const taken: Taken[] = [];
  const signal = AbortSignal.timeout(WITHIN_MS);
  while (taken.length < count) {
    const some = await subscription.take({ max: count - taken.length, signal });
    if (some.length === 0) throw new Error(`only ${taken.length} of ${count} messages came within ${WITHIN_MS} ms`);
    if (options.ack) for (const one of some) one.ack();
    taken.push(...some);
  }
  return taken;
}

/** Looks until the answer is yes: positions and memberships have no event that the contract tells. */
export async function until(condition: () => boolean | Promise<boolean>, { withinMs = WITHIN_MS } = {}): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`it did not become true within ${withinMs} ms: ${condition}`);
    await delay(20);
  }
}

export async function untilHeld(subscription: Subscription): Promise<void> {
  await until(() => subscription.status().partitions.length > 0);
}
