import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CHANNEL, callTo, startWorkspace } from "../../test/support/open-slack.ts";

const two = { max_per_hour: 2 };
const sent = (count: number) => Array.from({ length: count }, (_, index) => `call_${index}`);

/** Half past: no test runs over the hour by chance. Timers stay real. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-15T13:30:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("max_per_hour", () => {
  test("what is over it is counted in one line, which is edited as more calls come", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    const receipts = [];
    for (const callId of sent(4)) receipts.push(await receipt(callTo(callId, { with: two })));
    for (const outcome of ["voicemail", "failed", "answered"])
      receipts.push(await receipt(callTo(outcome, { with: two, call: { call_outcome: outcome } })));
    const all = await bodies();
    expect(all).toHaveLength(3);
    expect(all[2]?.text).toBe("5 more calls from 14:00 to 15:00: 3 answered, 1 voicemail, 1 failed");
    expect(all[2]?.edited).toBe(4);
    expect(receipts.slice(2).map(({ id, extra }) => ({ id, extra }))).toEqual(
      Array(5).fill({ id: all[2]?.ts, extra: { channel: CHANNEL, summed: "true" } }),
    );
  });

  test("ten calls at once: two messages and one line of eight, and no call is counted twice", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    await Promise.all(sent(10).map((callId) => receipt(callTo(callId, { with: two }))));
    const all = await bodies();
    expect(all).toHaveLength(3);
    expect(all.map(({ text }) => text).filter((text) => String(text).startsWith("8 more calls"))).toHaveLength(1);
  });

  test("after a restart, and in another replica, the count goes on in the same line", async () => {
    const { open, bodies } = await startWorkspace();
    const before = await open();
    for (const callId of sent(4)) await before.receipt(callTo(callId, { with: two }));
    const after = await open();
    await after.receipt(callTo("later", { with: two }));
    await before.receipt(callTo("latest", { with: two }));
    const all = await bodies();
    expect(all).toHaveLength(3);
    expect(all[2]?.text).toMatch(/^4 more calls /);
  });

  test("the next hour has a line of its own, and once an hour has passed there is room for messages again", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    for (const callId of sent(3)) await receipt(callTo(callId, { with: two }));
    vi.setSystemTime(Date.parse("2026-01-15T14:10:00Z"));
    await receipt(callTo("next", { with: two }));
    vi.setSystemTime(Date.parse("2026-01-15T14:31:00Z"));
    await receipt(callTo("again", { with: two }));
    expect((await bodies()).slice(2).map(({ text }) => String(text).slice(0, 30))).toEqual([
      "1 more call from 14:00 to 15:0",
      "1 more call from 15:00 to 16:0",
      "Inbound call · +14155550100 · ",
    ]);
  });

  test("a replica counts what the others posted, half a minute later", async () => {
    const { open, bodies } = await startWorkspace();
    const [one, other] = [await open(), await open()];
    await one.receipt(callTo("a", { with: two }));
    await other.receipt(callTo("b", { with: two }));
    vi.setSystemTime(Date.now() + 31_000);
    await one.receipt(callTo("c", { with: two }));
    expect((await bodies())[2]?.text).toMatch(/^1 more call /);
  });

  test("a line that somebody deleted is begun anew with what comes then", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt, destination } = await open();
    for (const callId of sent(2)) await receipt(callTo(callId, { with: two }));
    const { id, extra } = await receipt(callTo("summed", { with: two }));
    await destination.erase?.(
      { key: "", receipt: { id, extra: { channel: extra?.channel ?? "" } } },
      { signal: AbortSignal.timeout(5_000) },
    );
    await receipt(callTo("later", { with: two }));
    const all = await bodies();
    expect(all).toHaveLength(3);
    expect(all[2]?.text).toMatch(/^1 more call /);
  });

  test("a call in the line is final, a message is not: what `after` brings too late is added to messages alone", async () => {
    const { open } = await startWorkspace();
    const { send } = await open();
    const outcomes = [];
    for (const callId of sent(3)) outcomes.push(await send(callTo(callId, { with: two })));
    expect(outcomes.map((outcome) => outcome.kind === "delivered" && outcome.final)).toEqual([undefined, undefined, true]);
  });

  test("a later version of a summed-up call changes nothing, and its deletion leaves the others' line", async () => {
    const { open, bodies, called } = await startWorkspace();
    const { receipt, erase } = await open();
    for (const callId of sent(2)) await receipt(callTo(callId, { with: two }));
    const summed = await receipt(callTo("summed", { with: two }));
    called.length = 0;
    expect(await receipt(callTo("summed", { with: two, previous: summed, call: { summary: "Later words." } }))).toEqual(summed);
    expect(await erase(summed)).toBe(false);
    expect(called).toEqual([]);
    expect(await bodies()).toHaveLength(3);
  });

  test("a late summary of a message that was posted edits it, however full the hour is", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    const first = await receipt(callTo("call_0", { with: two }));
    for (const callId of ["call_1", "call_2"]) await receipt(callTo(callId, { with: two }));
    await receipt(callTo("call_0", { with: two, previous: first, call: { summary: "Later words." } }));
    expect(JSON.stringify((await bodies())[0])).toContain("Later words.");
  });

  test.each(["chat.postMessage", "chat.update"])("a lost answer of %s counts the call once", async (lost) => {
    let lose = false;
    const { open, bodies } = await startWorkspace({
      fault(method, _form, carryOut) {
        if (!lose || method !== lost) return undefined;
        lose = false;
        return carryOut().then(() => new Response("bad gateway", { status: 502 }));
      },
    });
    const { receipt, send, find } = await open();
    for (const callId of sent(lost === "chat.update" ? 3 : 2)) await receipt(callTo(callId, { with: two }));
    lose = true;
    const delivery = callTo("lost", { with: two });
    expect((await send(delivery)).kind).toBe("ambiguous");
    const found = await find(delivery);
    const all = await bodies();
    expect(found).toMatchObject({ id: all[2]?.ts, extra: { summed: "true" } });
    expect(await find(callTo("never", { with: two }))).toBeUndefined();
    await receipt({ ...delivery, ...(found ? { previous: found } : {}) });
    expect((await bodies()).map(({ text }) => text)).toEqual(all.map(({ text }) => text));
  });

  test("a call that comes again without its receipt, in another replica, is counted once", async () => {
    const { open, bodies } = await startWorkspace();
    const [one, other] = [await open(), await open()];
    for (const callId of sent(2)) await one.receipt(callTo(callId, { with: two }));
    const first = await one.receipt(callTo("again", { with: two }));
    expect(await other.receipt(callTo("again", { with: two }))).toEqual(first);
    expect((await bodies())[2]).toMatchObject({ text: expect.stringMatching(/^1 more call /), edited: 0 });
  });

  test("a refused message gives its place back", async () => {
    let refuse = true;
    const { open, bodies } = await startWorkspace({
      fault(method) {
        if (!refuse || method !== "chat.postMessage") return undefined;
        refuse = false;
        return Response.json({ ok: false, error: "invalid_blocks" });
      },
    });
    const { send } = await open();
    for (const callId of sent(3)) await send(callTo(callId, { with: two }));
    const all = await bodies();
    expect(all.map(({ text }) => String(text).includes(" more call"))).toEqual([false, false]);
  });

  test("where the history cannot be read, the process counts what it has posted itself", async () => {
    const { open, bodies } = await startWorkspace({
      fault: (method) => (method === "conversations.history" ? Response.json({ ok: false, error: "missing_scope" }) : undefined),
    });
    const { receipt } = await open();
    for (const callId of sent(5)) await receipt(callTo(callId, { with: two }));
    expect((await bodies()).map(({ text }) => String(text).slice(0, 12))).toEqual(["Inbound call", "Inbound call", "3 more calls"]);
  });

  test("outcomes of any text stay a line, and ping nobody", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    const hostile = ["<!channel>", "<@U012>", "x".repeat(5_000), "a\nb", "", "six", "seven", "eight"];
    for (const callId of sent(2)) await receipt(callTo(callId, { with: two }));
    for (const [index, call_outcome] of hostile.entries()) await receipt(callTo(`odd_${index}`, { with: two, call: { call_outcome } }));
    const line = (await bodies())[2];
    expect(line?.mentions).toEqual([]);
    expect(String(line?.text).length).toBeLessThan(300);
    expect(line?.text).toContain("2 other");
  });
});
