import { afterEach, describe, expect, test, vi } from "vitest";
import { CHANNEL, callTo, startWorkspace } from "../../test/support/open-slack.ts";

const threaded = { thread_by: "customer" } as const;
const other = { from_number: "+14155550199", customer_number: "+14155550199" };

afterEach(() => {
  vi.useRealTimers();
});

describe("thread_by: customer", () => {
  test("a thread that a replica began while we were running is found half a minute later", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { open, bodies } = await startWorkspace();
    const [one, replica] = [await open(), await open()];
    await one.receipt(callTo("x", { with: threaded, call: other }));
    const first = await replica.receipt(callTo("a", { with: threaded }));
    vi.setSystemTime(Date.now() + 31_000);
    await one.receipt(callTo("b", { with: threaded }));
    expect((await bodies())[2]?.thread).toBe(first.id);
  });

  test("a day later the customer's call begins a new thread", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    await receipt(callTo("a", { with: threaded }));
    vi.setSystemTime(Date.now() + 25 * 3_600_000);
    await receipt(callTo("b", { with: threaded }));
    expect((await bodies()).map(({ thread }) => thread)).toEqual([undefined, undefined]);
  });

  test("a customer's second call goes under the first, another customer's does not", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    const first = await receipt(callTo("a", { with: threaded }));
    const second = await receipt(callTo("b", { with: threaded }));
    await receipt(callTo("c", { with: threaded, call: other }));
    expect((await bodies()).map(({ thread }) => thread)).toEqual([undefined, first.id, undefined]);
    expect(second).toMatchObject({ extra: { channel: CHANNEL, thread: first.id }, url: expect.stringContaining(`thread_ts=${first.id}`) });
  });

  test("another process finds the thread by itself, and the number stands nowhere in its metadata", async () => {
    const { open, bodies } = await startWorkspace();
    const first = await (await open()).receipt(callTo("a", { with: threaded }));
    await (await open()).receipt(callTo("b", { with: threaded }));
    const all = await bodies();
    expect(all[1]?.thread).toBe(first.id);
    expect(JSON.stringify(all.map(({ metadata }) => metadata))).not.toContain("415555");
  });

  test("five calls of one customer at once make one thread", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    await Promise.all(["a", "b", "c", "d", "e"].map((callId) => receipt(callTo(callId, { with: threaded }))));
    const all = await bodies();
    expect(all.map(({ thread }) => thread ?? "none").toSorted()).toEqual([all[0]?.ts, all[0]?.ts, all[0]?.ts, all[0]?.ts, "none"]);
  });

  test("a thread takes no more calls once its time is over", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    const short = { ...threaded, thread_for: "1ms" };
    await receipt(callTo("a", { with: short }));
    await receipt(callTo("b", { with: short }));
    expect((await bodies()).map(({ thread }) => thread)).toEqual([undefined, undefined]);
  });

  test("callers whose number is withheld share no thread", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    for (const callId of ["a", "b"])
      await receipt(callTo(callId, { with: threaded, call: { from_number: "anonymous", customer_number: "" } }));
    expect((await bodies()).map(({ thread }) => thread)).toEqual([undefined, undefined]);
  });

  test("the channel's history is asked once for many customers, not for each message", async () => {
    const { open, called } = await startWorkspace();
    const { receipt } = await open();
    for (let index = 0; index < 10; index += 1) {
      const number = `+1415555010${index}`;
      await receipt(callTo(`call_${index}`, { with: threaded, call: { from_number: number, customer_number: number } }));
    }
    expect(called.filter((method) => method === "conversations.history")).toHaveLength(1);
  });

  test("without the scope for it messages go out unthreaded, and the receipt says why", async () => {
    const { open } = await startWorkspace({
      fault: (method) =>
        method === "conversations.history" ? Response.json({ ok: false, error: "missing_scope", needed: "channels:history" }) : undefined,
    });
    expect((await (await open()).receipt(callTo("a", { with: threaded }))).extra).toEqual({
      channel: CHANNEL,
      unthreaded: "missing_scope",
    });
  });

  test("a history that does not answer costs the message a moment, not its delivery", async () => {
    const { open, bodies } = await startWorkspace({
      fault: (method) => (method === "conversations.history" ? new Promise<Response>(() => undefined) : undefined),
    });
    expect((await (await open()).receipt(callTo("a", { with: threaded }))).extra?.unthreaded).toBe("no_answer");
    expect(await bodies()).toHaveLength(1);
  });

  test("a look that takes longer than a message may wait goes on behind it, and later messages find their threads", async () => {
    const slow = Promise.withResolvers<void>();
    let blocked = false;
    const { open, bodies } = await startWorkspace({
      fault: (method, _, carryOut) => (method === "conversations.history" && blocked ? slow.promise.then(carryOut) : undefined),
    });
    const before = await open();
    const first = await before.receipt(callTo("a", { with: threaded }));
    // It stands on the second page.
    for (let index = 0; index < 200; index += 1) await before.receipt(callTo(`other_${index}`));
    blocked = true;
    const { receipt } = await open();
    const [b, ofAnother] = await Promise.all([
      receipt(callTo("b", { with: threaded })),
      receipt(callTo("c", { with: threaded, call: other })),
    ]);
    expect([b, ofAnother].map(({ extra }) => extra?.unthreaded)).toEqual(["no_answer", "no_answer"]);
    slow.resolve();
    const next = async () => receipt(callTo(`d${(await bodies()).length}`, { with: threaded }));
    await vi.waitUntil(async () => (await next()).extra?.thread === first.id, { timeout: 10_000, interval: 50 });
  });

  test("what a long look has found is known before its end, and stays when Slack stops answering", async () => {
    const { open, bodies } = await startWorkspace({
      fault: (method, form) =>
        method === "conversations.history" && form.has("cursor") ? new Promise<Response>(() => undefined) : undefined,
    });
    const { receipt } = await open();
    const first = await receipt(callTo("a", { with: threaded }));
    // Its page is full of newer messages, and there is a second one that never comes.
    for (let index = 0; index < 200; index += 1) await receipt(callTo(`other_${index}`));
    const { receipt: ofReplica } = await open();
    const newer = await receipt(callTo("e", { with: threaded, call: other }));
    const reply = await ofReplica(callTo("b", { with: threaded, call: other }));
    expect(reply.extra).toMatchObject({ thread: newer.id });
    expect((await ofReplica(callTo("f", { with: threaded }))).extra?.unthreaded).toBe("no_answer");
    expect((await bodies())[0]?.ts).toBe(first.id);
  });

  test.each(["thread_not_found", "restricted_action_thread_locked"])("a thread that is gone (%s) is begun anew", async (error) => {
    const { open, bodies } = await startWorkspace({
      fault: (method, form) => (method === "chat.postMessage" && form.has("thread_ts") ? Response.json({ ok: false, error }) : undefined),
    });
    const { receipt } = await open();
    await receipt(callTo("a", { with: threaded }));
    await receipt(callTo("b", { with: threaded }));
    expect((await bodies()).map(({ thread }) => thread)).toEqual([undefined, undefined]);
  });

  test("a reply whose answer was lost is found in its thread, and edited there", async () => {
    let lose = false;
    const { open, bodies } = await startWorkspace({
      fault: (method, form, carryOut) =>
        lose && method === "chat.postMessage" && form.has("thread_ts")
          ? carryOut().then(() => new Response("bad gateway", { status: 502 }))
          : undefined,
    });
    const { receipt, send, find, read } = await open();
    const first = await receipt(callTo("a", { with: threaded }));
    lose = true;
    const delivery = callTo("b", { with: threaded });
    expect((await send(delivery)).kind).toBe("ambiguous");
    const found = await find(delivery);
    expect(found?.extra).toEqual({ channel: CHANNEL, thread: first.id });
    expect(await find(callTo("never", { with: threaded }))).toBeUndefined();
    await receipt({ ...delivery, ...(found ? { previous: found } : {}) });
    expect(await bodies()).toHaveLength(2);
    expect(found && (await read(found))).toMatchObject({ ts: found?.id, thread_ts: first.id });
  });

  test("a late summary edits the reply in its thread", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    const first = await receipt(callTo("a", { with: threaded }));
    const second = await receipt(callTo("b", { with: threaded }));
    const edited = await receipt(callTo("b", { with: threaded, previous: second, call: { summary: "Later words." } }));
    expect(edited).toEqual(second);
    expect((await bodies()).map(({ thread, edited }) => [thread, edited])).toEqual([
      [undefined, 0],
      [first.id, 1],
    ]);
  });
});
