import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import { OpenError, type Outcome, type Receipt, type Related, type SharedCall } from "../../src/connector/index.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { deliveryOf, documentedCall } from "../../test/support/documented-call.ts";
import { GOLDEN_CALLS } from "../../test/support/golden-calls.ts";
import { discord } from "./index.ts";
import { SENT_FIELDS } from "./mapping.ts";
import { messageOf } from "./message.ts";
import { createSandbox } from "./sandbox/index.ts";

const RELATED: Related = {
  title: "HubSpot",
  url: "https://app.hubspot.com/contacts/1/record/0-48/7",
  person: { id: "1", kind: "contact", name: "Dana *Example*" },
};

async function start(options: { limits?: boolean; answer?: (request: Request) => Response | undefined } = {}) {
  const sandbox = createSandbox({ limits: options.limits ?? false });
  const requests: string[] = [];
  const served = await serveSandbox({
    sandbox: {
      ...sandbox,
      async fetch(request) {
        requests.push(`${request.method} ${new URL(request.url).pathname.replace(/webhooks\/.*?(?=\/messages|$)/, "webhooks/…")}`);
        return options.answer?.(request) ?? sandbox.fetch?.(request) ?? Response.error();
      },
    },
  });
  onTestFinished(() => served.close());
  const settings = discord.settings.parse(sandbox.settings({ url: served.url, folder: "" }));
  const open = () => discord.open({ settings, timezone: "UTC", timeoutMs: 5_000 });
  const signal = AbortSignal.timeout(10_000);
  const destination = await open();
  const send = async (
    call: Partial<SharedCall> = {},
    more: { previous?: Receipt; text?: string; related?: Related } = {},
  ): Promise<Outcome | undefined> => {
    const delivery = deliveryOf({ call: documentedCall(call), with: { text: more.text }, previous: more.previous, related: more.related });
    return (await destination.send([delivery], { signal }))[0];
  };
  const receiptOf = async (sending: Promise<Outcome | undefined>) => {
    const outcome = await sending;
    if (outcome?.kind !== "delivered") throw new Error(`expected delivered, got ${JSON.stringify(outcome)}`);
    return outcome.receipt;
  };
  return { sandbox, requests, destination, send, receiptOf, signal };
}

const embedOf = async (sandbox: { records(): Promise<{ body: Record<string, unknown> }[]> }) =>
  ((await sandbox.records()).at(-1)?.body.embeds as Record<string, unknown>[] | undefined)?.[0];

describe("a call in a Discord channel", () => {
  test("the receipt links to the message", async () => {
    const { send, receiptOf } = await start();
    const { id, url } = await receiptOf(send());
    expect(url).toBe(`https://discord.com/channels/199737254929760255/199737254929760256/${id}`);
  });

  test("nothing in a summary pings, links or formats", async () => {
    const { sandbox, send, receiptOf } = await start();
    await receiptOf(send({ summary: "@everyone <@123> **loud** [win](https://example.com) `code` ||hidden|| # heading" }));
    const { description } = (await embedOf(sandbox)) ?? {};
    expect(description).toBe(
      "@everyone \\<@123\\> \\*\\*loud\\*\\* \\[win\\](https\\://example.com) \\`code\\` \\|\\|hidden\\|\\| \\# heading",
    );
    expect((await sandbox.records())[0]?.body.allowed_mentions).toEqual({ parse: [] });
  });

  test("an address that somebody spoke is shown as it was said, and is no link", async () => {
    const { sandbox, send, receiptOf } = await start();
    await receiptOf(send({ summary: "Pay at https://evil.example/x, or http://b.example", agent_name: "steam://run/1" }));
    const embed = (await embedOf(sandbox)) as { description: string; title: string };
    expect(embed.description).toBe("Pay at https\\://evil.example/x, or http\\://b.example");
    expect(JSON.stringify([embed.description, embed.title])).not.toMatch(/[a-z]:\/\//);
  });

  test("the title names the customer and links the CRM record when another route knows them", async () => {
    const { sandbox, send, receiptOf } = await start();
    await receiptOf(send({}, { related: RELATED }));
    expect(await embedOf(sandbox)).toMatchObject({ title: "AI call: inbound from Dana \\*Example\\* (Sales line)", url: RELATED.url });
  });

  test("the route's own text stands in place of the summary", async () => {
    const { sandbox, send, receiptOf } = await start();
    await receiptOf(send({}, { text: "**Hot lead**, call back" }));
    expect((await embedOf(sandbox))?.description).toBe("**Hot lead**, call back");
  });

  test("a recording that is no https address is left out, not the message", async () => {
    const { sandbox, send, receiptOf } = await start();
    await receiptOf(send({ recording_url: "javascript:alert(1)" }));
    expect(JSON.stringify(await embedOf(sandbox))).not.toMatch(/javascript|Listen/);
  });

  test("a long summary is cut with a mark and stays within Discord's sizes, escapes counted", async () => {
    const { sandbox, send, receiptOf } = await start();
    await receiptOf(send({ summary: "*".repeat(200_000), agent_name: "[".repeat(900), call_outcome: "_".repeat(3_000) }));
    const embed = (await embedOf(sandbox)) as { description: string };
    expect(embed.description).toMatch(/^(\\\*)+…$/);
  });
});

describe("what Discord answers", () => {
  test("a late summary edits the message, and a message that somebody deleted is not posted again", async () => {
    const { sandbox, send, receiptOf, requests, destination, signal } = await start();
    const previous = await receiptOf(send());
    expect((await receiptOf(send({ summary: "Later" }, { previous }))).id).toBe(previous.id);
    expect(requests.slice(1)).toEqual(["POST /api/v10/webhooks/…", `PATCH /api/v10/webhooks/…/messages/${previous.id}`]);
    await destination.erase?.({ key: "", receipt: previous }, { signal });
    expect(await send({ summary: "Later still" }, { previous })).toMatchObject({
      kind: "skipped",
      reason: expect.stringContaining("deleted"),
    });
    expect(await sandbox.records()).toEqual([]);
  });

  test("reads a message back, and says when it is gone", async () => {
    const { send, receiptOf, destination, signal } = await start();
    const receipt = await receiptOf(send({ summary: "Words" }));
    expect(JSON.stringify(await destination.read?.({ key: "", receipt }, { signal }))).toContain("Words");
    expect(await destination.read?.({ key: "", receipt: { id: "1" } }, { signal })).toBeUndefined();
  });

  test("the sixth request in two seconds waits as long as Discord asks, in seconds", async () => {
    const { send } = await start({ limits: true });
    const outcomes = [];
    // Looking at the webhook was the first.
    for (let index = 0; index < 5; index += 1) outcomes.push(await send({ call_id: `c${index}` }));
    expect(outcomes.slice(0, 4).map((one) => one?.kind)).toEqual(["delivered", "delivered", "delivered", "delivered"]);
    expect(outcomes[4]).toMatchObject({ kind: "retry", because: "rate-limit" });
    expect([1_000, 2_000]).toContain((outcomes[4] as { retryAfterMs: number }).retryAfterMs);
  });

  test("a webhook that was deleted stops the route: asking on would ban the sender's address", async () => {
    const gone = () => Response.json({ message: "Unknown Webhook", code: 10015 }, { status: 404 });
    const { send } = await start({ answer: (request) => (request.method === "GET" ? undefined : gone()) });
    expect(await send()).toMatchObject({
      kind: "needs-fix",
      code: "discord_10015",
      stopsRoute: true,
      fix: expect.stringContaining("Copy Webhook URL"),
    });
  });

  const down = { kind: "retry", because: "down" };
  const slower = { kind: "retry", because: "rate-limit" };
  const meets = async (answer: Response) => {
    const { send } = await start({ answer: (request) => (request.method === "GET" ? undefined : answer) });
    const outcome = await send();
    expect(JSON.stringify(outcome)).not.toContain("marzipan");
    return outcome;
  };

  test.each<[number, object]>([
    [302, { kind: "needs-fix" }],
    [400, { kind: "rejected" }],
    [401, { kind: "needs-fix" }],
    [403, { ...down, code: "edge_403", retryAfterMs: 37_000 }],
    [404, { kind: "needs-fix" }],
    [413, { kind: "rejected" }],
    [429, { ...slower, code: "edge_429", retryAfterMs: 37_000 }],
    [500, { kind: "ambiguous" }],
    [502, { ...down, retryAfterMs: 37_000 }],
    [503, { ...down, retryAfterMs: 37_000 }],
    [504, { kind: "ambiguous" }],
    [520, { kind: "ambiguous" }],
    [521, down],
    [522, { kind: "ambiguous" }],
    [523, down],
    [525, down],
    [530, down],
  ])("a page with status %i, as from what stands before Discord's API", async (status, outcome) => {
    const headers = { location: "https://elsewhere.example/", "retry-after": "37" };
    expect(await meets(new Response("<h1>marzipan</h1> error code: 1015", { status, headers }))).toMatchObject(outcome);
  });

  test.each<[number, number, object]>([
    [400, 50035, { kind: "rejected", code: "discord_50035" }],
    [400, 50006, { kind: "rejected" }],
    [400, 200000, { kind: "rejected" }],
    [400, 240000, { kind: "rejected" }],
    [413, 40005, { kind: "rejected" }],
    [400, 220001, { kind: "needs-fix", fix: expect.stringContaining("text channel") }],
    [401, 50027, { kind: "needs-fix", code: "discord_50027" }],
    [401, 40001, { kind: "needs-fix" }],
    [403, 50013, { kind: "needs-fix" }],
    [403, 50001, { kind: "needs-fix" }],
    [403, 40333, down],
    [403, 40004, down],
    [403, 40006, down],
    [503, 130000, down],
    [400, 20028, slower],
    [403, 20016, slower],
    [429, 40062, { ...slower, retryAfterMs: 1_337 }],
    [404, 10003, { kind: "needs-fix", fix: expect.stringContaining("text channel") }],
    [404, 10015, { kind: "needs-fix", stopsRoute: true }],
    [404, 10008, { kind: "skipped" }],
    [404, 0, { kind: "needs-fix" }],
  ])("%i with Discord's code %i", async (status, code, outcome) => {
    expect(await meets(Response.json({ message: "marzipan", code, retry_after: 1.337 }, { status }))).toMatchObject(outcome);
  });

  test("an answer that names another message than the one that was edited is no proof of it", async () => {
    const { send, receiptOf } = await start({
      answer: (request) => (request.method === "PATCH" ? Response.json({ id: "1", content: "" }) : undefined),
    });
    const previous = await receiptOf(send());
    expect(await send({ summary: "Later" }, { previous })).toMatchObject({ kind: "ambiguous", code: "not_discord" });
  });

  test("a proxy's page with status 200 is no message", async () => {
    const { send } = await start({ answer: (request) => (request.method === "GET" ? undefined : new Response("<html>", { status: 200 })) });
    expect(await send()).toMatchObject({ kind: "ambiguous", code: "not_discord" });
  });

  test("an address that answers like anything but Discord is refused before a call is sent", async () => {
    const opening = start({ answer: () => Response.json({ hello: "world" }) });
    await expect(opening).rejects.toThrow(OpenError);
    await expect(opening).rejects.toMatchObject({ outcome: { kind: "needs-fix", code: "not_discord" } });
  });
});

test("an address that is no webhook's is a mistake of the file, and is not shown", () => {
  const { error } = discord.settings.safeParse({ url: "https://discord.com/channels/1/2/geheim" });
  expect(error?.issues).toMatchObject([
    { path: ["url"], message: expect.stringContaining("https://discord.com/api/webhooks/<id>/<token>") },
  ]);
  expect(JSON.stringify(error?.issues)).not.toContain("geheim");
});

test("sends no field that its table does not list", () => {
  const listed = SENT_FIELDS.map(({ field }) => field);
  for (const call of Object.values(GOLDEN_CALLS)) {
    const message = JSON.parse(JSON.stringify(messageOf(deliveryOf({ call, with: {}, related: RELATED }))));
    const sent = [
      ...Object.keys(message).filter((key) => key !== "embeds"),
      ...Object.keys(message.embeds[0]).map((key) => `embeds[].${key}`),
    ];
    expect(listed).toEqual(expect.arrayContaining(sent));
  }
});

test("the connector itself is a screen: at most 40 lines of code, as CONTRIBUTING says", () => {
  const source = readFileSync(new URL("index.ts", import.meta.url), "utf8");
  const code = source.split("\n").filter((line) => line.trim() !== "" && !/^\s*(\/\/|\/?\*|import )/.test(line));
  expect(code.length).toBeLessThanOrEqual(40);
});
