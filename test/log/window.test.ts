import { describe, expect, test } from "vitest";
import { CALLS_TOPIC, type Message, type Taken } from "../../src/log/log.ts";
import { createWindow, type PartitionWindow } from "../../src/log/window.ts";

function message(offset: number): Message {
  return {
    topic: CALLS_TOPIC,
    key: `k${offset}`,
    value: new Uint8Array(10),
    headers: {},
    partition: 3,
    offset,
    appendedAt: 1_000 + offset,
  };
}

function messages(...offsets: number[]): Message[] {
  return offsets.map(message);
}

function open(options: { from: number; offered?: number[] }): { window: PartitionWindow; changes: () => number } {
  let changes = 0;
  const window = createWindow({
    partition: 3,
    from: options.from,
    onChange: () => {
      changes += 1;
    },
  });
  window.offer(messages(...(options.offered ?? [])));
  return { window, changes: () => changes };
}

const offsets = (taken: Taken[]) => taken.map((one) => one.message.offset);

/** The n-th of what was taken. */
function nth(taken: Taken[], index: number): Taken {
  const one = taken[index];
  if (one === undefined) throw new Error(`only ${taken.length} were taken`);
  return one;
}

describe("a partition's window", () => {
  test("hands out in order, no more than asked for", () => {
    const { window } = open({ from: 5, offered: [5, 6, 7, 8] });
    expect(offsets(window.take(3))).toEqual([5, 6, 7]);
    expect(offsets(window.take(3))).toEqual([8]);
    expect(offsets(window.take(3))).toEqual([]);
    expect({ taken: window.taken, buffered: window.buffered, next: window.next }).toEqual({ taken: 4, buffered: 0, next: 9 });
  });

  test("the committed position never passes a message that is not acknowledged", () => {
    const { window, changes } = open({ from: 0, offered: [0, 1, 2, 3] });
    const taken = window.take(4);
    nth(taken, 2).ack();
    nth(taken, 1).ack();
    expect({ commitOffset: window.commitOffset, held: window.heldMessages, oldest: window.oldestOpenAt }).toEqual({
      commitOffset: 0,
      held: 4,
      oldest: 1_000,
    });
    nth(taken, 0).ack();
    expect({ commitOffset: window.commitOffset, held: window.heldMessages, oldest: window.oldestOpenAt }).toEqual({
      commitOffset: 3,
      held: 1,
      oldest: 1_003,
    });
    nth(taken, 3).ack();
    expect({ commitOffset: window.commitOffset, held: window.heldMessages, bytes: window.heldBytes, oldest: window.oldestOpenAt }).toEqual({
      commitOffset: 4,
      held: 0,
      bytes: 0,
      oldest: undefined,
    });
    expect(changes()).toBe(4);
  });

  test("offsets that are missing in the log hold nothing up", () => {
    const { window } = open({ from: 0, offered: [4, 9] });
    expect(window.commitOffset).toBe(4);
    const taken = window.take(2);
    nth(taken, 0).ack();
    expect(window.commitOffset).toBe(9);
    nth(taken, 1).ack();
    expect(window.commitOffset).toBe(10);
  });

  test("repeats of what was fetched before are dropped", () => {
    const { window } = open({ from: 10, offered: [8, 9, 10, 11] });
    window.offer(messages(10, 11, 12));
    expect(offsets(window.take(10))).toEqual([10, 11, 12]);
  });

  test("a released message is handed out again, before newer ones", () => {
    const { window } = open({ from: 0, offered: [0, 1, 2, 3] });
    const taken = window.take(3);
    nth(taken, 1).release();
    nth(taken, 0).release();
    expect({ commitOffset: window.commitOffset, buffered: window.buffered, taken: window.taken }).toEqual({
      commitOffset: 0,
      buffered: 3,
      taken: 1,
    });
    expect(offsets(window.take(10))).toEqual([0, 1, 3]);
  });

  test("a message ends once: what its holder says afterwards does not touch the next holder's", () => {
    const { window } = open({ from: 0, offered: [0] });
    const first = nth(window.take(1), 0);
    first.release();
    const second = nth(window.take(1), 0);
    first.ack();
    expect({ commitOffset: window.commitOffset, taken: window.taken }).toEqual({ commitOffset: 0, taken: 1 });
    second.ack();
    second.release();
    expect({ commitOffset: window.commitOffset, taken: window.taken, buffered: window.buffered }).toEqual({
      commitOffset: 1,
      taken: 0,
      buffered: 0,
    });
  });

  test("retired, it hands out nothing, tells the holders, and still counts what they finish", async () => {
    const { window } = open({ from: 0, offered: [0, 1, 2] });
    const taken = window.take(2);
    window.drain();
    expect(taken.map((one) => one.signal.aborted)).toEqual([true, true]);
    expect(window.take(1)).toEqual([]);

    let settled = false;
    const settling = window.whenIdle().then(() => {
      settled = true;
    });
    nth(taken, 0).ack();
    await Promise.resolve();
    expect(settled).toBe(false);
    nth(taken, 1).release();
    await settling;
    expect(window.commitOffset).toBe(1);
  });

  test("closed, its committed position stays below what was not done, and late ends do nothing", async () => {
    const { window, changes } = open({ from: 0, offered: [0, 1, 2] });
    const taken = window.take(2);
    nth(taken, 1).ack();
    const settling = window.whenIdle();
    window.close();
    await settling;
    nth(taken, 0).ack();
    window.offer(messages(3));
    expect({ commitOffset: window.commitOffset, taken: window.taken, held: window.heldMessages }).toEqual({
      commitOffset: 0,
      taken: 0,
      held: 0,
    });
    expect(window.take(9)).toEqual([]);
    expect(changes()).toBe(1);
  });

  test("goes on behind what the log no longer keeps, never backwards", () => {
    const { window } = open({ from: 5 });
    window.skipTo(40);
    expect({ next: window.next, commitOffset: window.commitOffset }).toEqual({ next: 40, commitOffset: 40 });
    window.skipTo(7);
    window.offer(messages(39, 40));
    expect(offsets(window.take(9))).toEqual([40]);
  });

  test("keeps its count through many thousands, acknowledged in any order", () => {
    const { window } = open({ from: 0 });
    let lateOnes: Taken[] = [];
    for (let from = 0; from < 20_000; from += 50) {
      window.offer(messages(...Array.from({ length: 50 }, (_, index) => from + index)));
      const taken = window.take(50);
      expect(nth(taken, 0).message.offset).toBe(from);
      for (const one of lateOnes) one.ack();
      for (const one of taken.slice(10).reverse()) one.ack();
      lateOnes = taken.slice(0, 10);
      expect({ commitOffset: window.commitOffset, held: window.heldMessages }).toEqual({ commitOffset: from, held: 50 });
    }
    for (const one of lateOnes) one.ack();
    expect({ commitOffset: window.commitOffset, held: window.heldMessages, bytes: window.heldBytes }).toEqual({
      commitOffset: 20_000,
      held: 0,
      bytes: 0,
    });
  });
});
