import { expect, test } from "vitest";
import { z } from "zod";
import { defineConnector, type OpenDestination, OpenError } from "../../src/connector/index.ts";
import { abilityToErase, eraseAt, type Left, notErased } from "../../src/operations/erase.ts";

/** A destination that does with each request what it is made to. */
function destination(answers: { open?: () => void; erase?: ((id: string) => void) | undefined; afterErase?: () => string | undefined }) {
  const asked: string[] = [];
  const connector = defineConnector({
    name: "odd",
    title: "Odd",
    keeps: "record",
    duplicates: "native-key",
    settings: z.strictObject({}),
    with: z.strictObject({}),
    batch: { maxCalls: 1, concurrency: 1 },
    async open() {
      asked.push("open");
      answers.open?.();
      const open: OpenDestination<Record<string, never>> = {
        send: async () => [],
        async afterErase() {
          asked.push("after");
          return answers.afterErase?.();
        },
        close: async () => void asked.push("close"),
      };
      if ("erase" in answers && answers.erase === undefined) return open;
      return {
        ...open,
        async erase({ receipt }) {
          asked.push(receipt.id);
          answers.erase?.(receipt.id);
          return true;
        },
      };
    },
    sandbox: () => Promise.reject(new Error("it has none")),
  });
  const to = {
    name: "odd",
    connector,
    settings: () => ({}),
    timeoutMs: 1_000,
    intervalMs: undefined,
    onAmbiguous: "dead" as const,
    fingerprint: "",
  };
  const left = (callId: string): Left => ({
    route: "r",
    source: "s",
    callId,
    destination: "odd",
    receipt: { id: `at-${callId}` },
    key: `s/${callId}`,
    to: to as unknown as Left["to"],
  });
  return { asked, left };
}

/** Time that passes by itself. */
function clock() {
  let slept = 0;
  const sleep = async (ms: number) => {
    slept += ms;
  };
  return { sleep, slept: () => slept };
}

const failing = (times: number, error: () => Error) => () => {
  times -= 1;
  if (times >= 0) throw error();
};

test("a destination is opened once, asked again while it is busy, and says at the end what it keeps", async () => {
  const { asked, left } = destination({
    open: failing(2, () => new OpenError({ kind: "retry", because: "down", code: "locked", reason: "another process holds the file" })),
    erase: failing(1, () => new Error("429")),
    afterErase: () => "a recycle bin for 30 days",
  });
  const time = clock();
  const { erased, stays } = await eraseAt({ left: [left("a"), left("b")], timezone: "UTC", clock: time });
  expect(erased.map(({ callId, erased }) => [callId, erased])).toEqual([
    ["a", true],
    ["b", true],
  ]);
  expect(stays).toEqual(["odd: a recycle bin for 30 days"]);
  expect(asked).toEqual(["open", "open", "open", "at-a", "at-a", "at-b", "after", "close"]);
});

test("one that is away costs less than a minute for however many records, and they are named for a later forget", async () => {
  const { left } = destination({ erase: failing(Number.POSITIVE_INFINITY, () => new Error("it does not answer")) });
  const time = clock();
  const { erased } = await eraseAt({ left: Array.from({ length: 50 }, (_, n) => left(`c${n}`)), timezone: "UTC", clock: time });
  expect(time.slept()).toBeLessThanOrEqual(60_000);
  expect(erased.every(({ erased, later }) => !erased && later)).toBe(true);
  expect(erased[0] && notErased(erased[0])).toBe("not deleted at odd: at-c0 (it does not answer): patchbay forget c0 once more");
});

test("a refused credential is not asked twice; what cannot be deleted from here is for people", async () => {
  const refused = destination({
    open: failing(9, () => new OpenError({ kind: "needs-fix", code: "401", reason: "refused", fix: "Give another" })),
  });
  const time = clock();
  expect((await eraseAt({ left: [refused.left("a")], timezone: "UTC", clock: time })).erased).toMatchObject([
    { erased: false, later: true, why: "refused" },
  ]);
  expect([time.slept(), refused.asked]).toEqual([0, ["open"]]);
  const cannot = destination({ erase: undefined });
  const { erased } = await eraseAt({ left: [cannot.left("a")], timezone: "UTC", clock: time });
  expect(erased).toMatchObject([{ erased: false, later: false }]);
  expect(erased[0] && notErased(erased[0])).toBe("to be deleted by hand at odd: at-a (Odd cannot delete from here)");
});

test("a preview asks each destination once whether it can delete; one that cannot be opened is left open", async () => {
  const [able, cannot] = [destination({}), destination({ erase: undefined })];
  const away = destination({ open: failing(9, () => new Error("it does not answer")) });
  const left = [able.left("a"), able.left("b"), cannot.left("c"), away.left("d")];
  const found = await abilityToErase({ left, timezone: "UTC" });
  expect(left.map(({ to }) => to && found.get(to))).toEqual([true, true, false, undefined]);
  expect(able.asked).toEqual(["open", "close"]);
});
