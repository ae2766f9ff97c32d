import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Delivery, OpenDestination, Outcome, Receipt, Sandbox, SandboxRecord, SharedCall } from "../../src/connector/index.ts";
import { OpenError } from "../../src/connector/index.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { documentedCall } from "../../test/support/documented-call.ts";
import { closedPort } from "../../test/support/ports.ts";
import { slack } from "./index.ts";
import type { SlackWith } from "./mapping.ts";
import { messageOf } from "./message.ts";
import { createSandbox } from "./sandbox/index.ts";
import { authorsText, escaped } from "./text.ts";

const CHANNEL = "C0123456789";
function deliveryOf(call = documentedCall(), more: { channel?: string; text?: string; previous?: Receipt } = {}): Delivery<SlackWith> {
  const { channel = CHANNEL, text, previous } = more;
  return {
    key: `${call.source}/${call.call_id}/sales-channel`,
    call,
    with: text === undefined ? { channel } : { channel, text },
    previous,
    sinceAcceptedMs: 0,
    related: undefined,
  };
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

type Send = (delivery?: Delivery<SlackWith>) => Promise<Outcome>;
interface Opened {
  sandbox: Sandbox;
  destination: OpenDestination<SlackWith>;
  send: Send;
  find(delivery?: Delivery<SlackWith>): Promise<Receipt | undefined>;
  records(): Promise<SandboxRecord[]>;
  /** Methods called, in order. */
  called: string[];
}

/** Opens the connector, over HTTP and with Slack's own SDK, on a sandbox; `fault` may answer in its place once the destination is open. */
async function openSlack(
  options: {
    fault?: (method: string, request: Request, sandbox: Sandbox) => Response | Promise<Response> | undefined;
    limits?: boolean;
    token?: string;
  } = {},
): Promise<Opened> {
  const { fault, limits = false, token } = options;
  const sandbox = createSandbox({ limits });
  const called: string[] = [];
  const served = await serveSandbox({
    sandbox: {
      ...sandbox,
      fetch: (request) => {
        const method = new URL(request.url).pathname.replace("/api/", "");
        called.push(method);
        return fault?.(method, request, sandbox) ?? (sandbox.fetch as (request: Request) => Promise<Response>)(request);
      },
    },
  });
  closers.push(served.close);
  const settings = { ...sandbox.settings({ url: served.url, folder: "" }), ...(token === undefined ? {} : { token }) };
  const destination = await openWith(settings);
  const signal = () => AbortSignal.timeout(5_000);
  return {
    sandbox,
    destination,
    called,
    send: async (delivery = deliveryOf()) => (await destination.send([delivery], { signal: signal() }))[0] as Outcome,
    find: async (delivery = deliveryOf()) => destination.find?.(delivery, { signal: signal() }),
    records: () => sandbox.records(),
  };
}

function openWith(settings: Record<string, string>, timeoutMs = 2_000): Promise<OpenDestination<SlackWith>> {
  return slack.open({ settings: slack.settings.parse(settings), timezone: "Europe/Berlin", timeoutMs });
}

async function openFailure(opening: Promise<unknown>): Promise<Outcome> {
  const error = await opening.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OpenError);
  return (error as OpenError).outcome;
}

const sectionsOf = (record: SandboxRecord | undefined) => (record?.body.blocks ?? []) as { text?: { text: string; verbatim: boolean } }[];

const receiptOf = (outcome: Outcome): Receipt => {
  if (outcome.kind !== "delivered") throw new Error(`not delivered: ${JSON.stringify(outcome)}`);
  return outcome.receipt;
};

describe("a call in Slack", () => {
  test("the documented call becomes header, facts, summary and a recording button, with its id in the metadata", async () => {
    const { send, records } = await openSlack();
    const receipt = receiptOf(await send());
    const [record] = await records();
    expect(receipt).toEqual({
      id: record?.id,
      url: `https://sandbox.slack.com/archives/${CHANNEL}/p${record?.id.replace(".", "")}`,
      extra: { channel: CHANNEL },
    });
    expect(record?.key).toBe("voiceinfra/call_01HXYZ123456/sales-channel");
    expect(record?.line).toBe(`#sales · "Inbound call · +14155550100 · answered" · ${record?.id}`);
    const { text, blocks, metadata } = record?.body ?? {};
    expect({ text, blocks, metadata }).toEqual({
      text: "Inbound call · +14155550100 · answered: Customer called to inquire about January 15 appointment. Confirmed appointment at 2pm. No changes requested.",
      blocks: [
        { type: "header", text: { type: "plain_text", text: "Inbound call · +14155550100 · answered", emoji: false } },
        {
          type: "section",
          fields: [
            { type: "mrkdwn", text: "*Number*\n+14155550100", verbatim: true },
            { type: "mrkdwn", text: "*Duration*\n2 min 27 s", verbatim: true },
            { type: "mrkdwn", text: "*Agent*\nSales line", verbatim: true },
            { type: "mrkdwn", text: "*Time*\n15 Jan 2025, 15:23 CET", verbatim: true },
          ],
        },
        {
          type: "section",
          text: {
            type: "mrkdwn",
            text: "Customer called to inquire about January 15 appointment. Confirmed appointment at 2pm. No changes requested.",
            verbatim: true,
          },
        },
        {
          type: "actions",
          elements: [
            {
              type: "button",
              action_id: "recording",
              text: { type: "plain_text", text: "Recording", emoji: false },
              url: "https://recordings.voiceinfra.ai/call_01HXYZ123456.mp3",
            },
          ],
        },
      ],
      metadata: {
        event_type: "voice_call_summary",
        event_payload: { call_id: "call_01HXYZ123456", source: "voiceinfra", key: "voiceinfra/call_01HXYZ123456/sales-channel" },
      },
    });
  });

  test("links are not unfolded, and Slack is not asked to look for names", async () => {
    let form = new URLSearchParams();
    const { send } = await openSlack({
      fault: (method, request, sandbox) => {
        if (method !== "chat.postMessage") return undefined;
        return request.text().then((body) => {
          form = new URLSearchParams(body);
          return (sandbox.fetch as (request: Request) => Promise<Response>)(
            new Request(request.url, { method: "POST", headers: request.headers, body }),
          );
        });
      },
    });
    expect((await send()).kind).toBe("delivered");
    expect({ links: form.get("unfurl_links"), media: form.get("unfurl_media") }).toEqual({ links: "false", media: "false" });
    expect([form.has("parse"), form.has("link_names")]).toEqual([false, false]);
  });

  test("a late summary edits the message, and posts no second one", async () => {
    const { send, records } = await openSlack();
    const { summary: _late, ...early } = documentedCall();
    const first = receiptOf(await send(deliveryOf(early as SharedCall)));
    const second = receiptOf(await send(deliveryOf(documentedCall(), { previous: first })));
    expect(second).toEqual(first);
    const all = await records();
    expect(all.map(({ body }) => [body.edited, (body.blocks as unknown[]).length])).toEqual([[1, 4]]);
    expect(all[0]?.key).toBe("voiceinfra/call_01HXYZ123456/sales-channel");
  });

  test("a message is edited where it was posted, also when the route has moved to another channel", async () => {
    const { send, records } = await openSlack();
    const previous = receiptOf(await send());
    const receipt = receiptOf(await send(deliveryOf(documentedCall({ summary: "Later." }), { previous, channel: "C0123456780" })));
    expect(receipt.extra).toEqual({ channel: CHANNEL });
    expect((await records()).map(({ body }) => body.channel)).toEqual([CHANNEL]);
  });

  test("a message that a person deleted is not posted again", async () => {
    const { send, records } = await openSlack();
    const outcome = await send(deliveryOf(documentedCall(), { previous: { id: "1700000000.000001", extra: { channel: CHANNEL } } }));
    expect(outcome).toEqual({ kind: "skipped", reason: "the message was deleted in Slack: it is not posted again" });
    expect(await records()).toEqual([]);
  });

  test("what the route withholds is not in the message", () => {
    const call = documentedCall();
    for (const field of ["from_number", "to_number", "customer_number", "summary", "recording_url"] as const) delete call[field];
    const message = messageOf(deliveryOf(call), { timezone: "UTC" });
    expect(message.text).toBe("Inbound call · answered");
    expect(message.blocks.map(({ type }) => type)).toEqual(["header", "section"]);
    expect(JSON.stringify(message)).not.toContain("unknown");
  });

  test.each([
    ["a caller without a number", { from_number: "anonymous", customer_number: "" }, "Inbound call · withheld number · answered"],
    ["a number that did not come", { from_number: "", customer_number: "" }, "Inbound call · withheld number · answered"],
    [
      "a call that went out",
      { direction: "outbound", to_number: "sip:a@example.com", customer_number: "" } as const,
      "Outbound call · SIP caller · answered",
    ],
    ["a direction that nothing tells", { direction: "unknown" } as const, "Call · +14155550100 · answered"],
  ])("%s: the header says what is known", (_what, changes, title) => {
    expect(messageOf(deliveryOf(documentedCall(changes)), { timezone: "UTC" }).blocks[0]).toMatchObject({ text: { text: title } });
  });

  test.each([
    ["that is not https", "http://recordings.example.com/a.mp3"],
    ["that would run a script", "javascript:alert(1)"],
    ["that is no address", "not a url"],
    ["longer than a button takes", `https://x.example/${"a".repeat(3_000)}`],
  ])("a recording's address %s has no button, and the message goes out", (_what, recording_url) => {
    const { blocks } = messageOf(deliveryOf(documentedCall({ recording_url })), { timezone: "UTC" });
    expect(blocks.map(({ type }) => type)).toEqual(["header", "section", "section"]);
  });

  test.each([
    ["2025-01-15T14:23:00", "15 Jan 2025, 15:23 CET"],
    ["2025-07-15T14:23:00+00:00", "15 Jul 2025, 16:23 CEST"],
  ])("the time %s is shown in the configured zone: %s", (start_time, shown) => {
    expect(JSON.stringify(messageOf(deliveryOf(documentedCall({ start_time })), { timezone: "Europe/Berlin" }))).toContain(shown);
  });
});

describe("what a caller says pings nobody", () => {
  const HOSTILE = "<!channel> <!here> <@U012AB3CD> <#C012|x> <!subteam^S012> <https://evil.example|your bank> & @everyone";

  test("in the summary, the agent's name and the outcome it stays text", async () => {
    const { send, records } = await openSlack();
    expect((await send(deliveryOf(documentedCall({ summary: HOSTILE, agent_name: HOSTILE, call_outcome: HOSTILE })))).kind).toBe(
      "delivered",
    );
    const [record] = await records();
    expect(record?.body.mentions).toEqual([]);
    expect(sectionsOf(record)[2]?.text).toEqual({
      type: "mrkdwn",
      text: HOSTILE.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
      verbatim: true,
    });
  });

  test("in a route's own text too, where formatting and links of its author keep working", async () => {
    const { send, records } = await openSlack();
    const text = `*Call* <https://crm.example/a?b=1|CRM> <mailto:a@example.com> ${HOSTILE}`;
    expect((await send(deliveryOf(documentedCall(), { text }))).kind).toBe("delivered");
    const [record] = await records();
    expect(record?.body.mentions).toEqual([]);
    expect(sectionsOf(record)[0]?.text?.text).toBe(
      "*Call* <https://crm.example/a?b=1|CRM> <mailto:a@example.com> &lt;!channel&gt; &lt;!here&gt; &lt;@U012AB3CD&gt; &lt;#C012|x&gt; &lt;!subteam^S012&gt; <https://evil.example|your bank> &amp; @everyone",
    );
  });

  test.each([
    ["<<!channel>>", "&lt;&lt;!channel&gt;&gt;"],
    ["<!channel", "&lt;!channel"],
    ["<https://a.example|<!channel>>", "&lt;https://a.example|&lt;!channel&gt;&gt;"],
    ["<https://a.example\n<!here>", "&lt;https://a.example\n&lt;!here&gt;"],
    ["&lt;!channel&gt; &quot;x&quot; it&#39;s", '&lt;!channel&gt; "x" it\'s'],
    ["<!date^1^{date}|x>", "&lt;!date^1^{date}|x&gt;"],
    ["< !channel>", "&lt; !channel&gt;"],
  ])("%j is read as %j", (written, read) => {
    expect(authorsText(written, 3_000)).toBe(read);
  });

  test("a text that renders to nothing is the default message", () => {
    expect(messageOf(deliveryOf(documentedCall(), { text: "  \n" }), { timezone: "UTC" }).blocks[0]?.type).toBe("header");
  });
});

describe("Slack's limits", () => {
  test.each([
    ["names", "n".repeat(3_000)],
    ["emoji", "👩‍👩‍👧‍👦".repeat(600)],
    ["angle brackets, which grow fourfold", "<".repeat(3_000)],
    ["ampersands", "&".repeat(50_000)],
  ])("3,000 characters of %s everywhere are cut, and taken", async (_what, long) => {
    const { send, records } = await openSlack();
    const call = documentedCall({ summary: long, agent_name: long, call_outcome: long, customer_number: long });
    expect((await send(deliveryOf(call))).kind).toBe("delivered");
    expect((await send(deliveryOf(call, { text: long }))).kind).toBe("delivered");
    for (const { body } of await records()) {
      const json = JSON.stringify(body.blocks);
      expect(json.length).toBeLessThan(10_000);
      expect(json.isWellFormed()).toBe(true);
      for (const text of json.matchAll(/"mrkdwn","text":"((?:[^"\\\\]|\\\\.)*)"/g)) expect(text[1]).not.toMatch(/&(?!amp;|lt;|gt;)/);
    }
  });

  test("a summary is cut at 1,500 characters, and says so", () => {
    const { blocks } = messageOf(deliveryOf(documentedCall({ summary: "s".repeat(2_000) })), { timezone: "UTC" });
    expect(blocks[2]).toMatchObject({ text: { text: `${"s".repeat(1_499)}…` } });
  });

  test("a cut falls between escapes and links, never into one", () => {
    expect(escaped("a&b", 6)).toBe("a…");
    expect(authorsText(`${"a".repeat(10)}<https://x.example|x>`, 20)).toBe(`${"a".repeat(10)}…`);
  });

  test("past a burst, one message a second: the wait that Slack asks for is passed on", async () => {
    const { send, records } = await openSlack({ limits: true });
    const outcomes: Outcome[] = [];
    do outcomes.push(await send(deliveryOf(documentedCall({ call_id: `call_${outcomes.length}` }))));
    while (outcomes.at(-1)?.kind === "delivered" && outcomes.length < 100);
    expect(outcomes.length).toBeGreaterThan(20);
    expect(outcomes.at(-1)).toEqual({
      kind: "retry",
      because: "rate-limit",
      scope: "target",
      code: "429",
      reason: "Slack asks to send more slowly",
      retryAfterMs: 1_000,
    });
    expect((await send(deliveryOf(documentedCall(), { channel: "C0123456780" }))).kind).toBe("delivered");
    expect((await records()).length).toBe(outcomes.length);
  });
});

describe("how an attempt ends", () => {
  const platform = (error: string, more: Record<string, unknown> = {}) => Response.json({ ok: false, error, ...more });
  const onPost = (answer: () => Response) => (method: string) => (method.startsWith("chat.") ? answer() : undefined);

  type Expected = Record<string, unknown>;
  const ends = async (answer: () => Response, expected: Expected) => {
    const { send, called } = await openSlack({ fault: onPost(answer) });
    const outcome = await send();
    expect(outcome).toMatchObject(expected);
    expect(JSON.stringify(outcome)).not.toContain("+1415");
    expect(called).toEqual(["auth.test", "chat.postMessage"]);
  };
  const down = { kind: "retry", because: "down" };
  const slower = { kind: "retry", because: "rate-limit" };
  const record = { kind: "retry", because: "record" };
  const ambiguous = { kind: "ambiguous" };
  const rejected = { kind: "rejected" };
  const fixedBy = (words: string) => ({ kind: "needs-fix", fix: expect.stringContaining(words) });

  /** Every code of chat.postMessage's and chat.update's documentation, and those of every method. */
  test.each<[Expected, string]>([
    [fixedBy("`token`"), "invalid_auth not_authed account_inactive token_revoked token_expired"],
    [
      fixedBy("chat:write"),
      "missing_scope not_allowed_token_type no_permission access_denied team_access_not_granted metadata_must_be_sent_from_app as_user_not_supported",
    ],
    [fixedBy("administrator"), "accesslimited enterprise_is_restricted two_factor_setup_required"],
    [fixedBy("/invite"), "not_in_channel channel_not_found team_not_found"],
    [
      fixedBy("another `channel`"),
      `is_archived is_inactive ekm_access_denied restricted_action restricted_action_read_only_channel restricted_action_thread_locked
       restricted_action_thread_only_channel restricted_action_non_threadable_channel messages_tab_disabled cannot_reply_to_message`,
    ],
    [
      fixedBy("proxy"),
      `deprecated_endpoint method_deprecated unknown_method invalid_arg_name invalid_array_arg invalid_charset invalid_form_data invalid_post_type
       missing_post_type`,
    ],
    [down, "service_unavailable team_added_to_org org_login_required"],
    [slower, "ratelimited rate_limited"],
    [{ ...slower, scope: "destination", retryAfterMs: 3_600_000 }, "message_limit_exceeded"],
    [record, "request_timeout"],
    [ambiguous, "fatal_error internal_error"],
    [
      rejected,
      `msg_too_long msg_blocks_too_long no_text invalid_blocks invalid_blocks_format too_many_attachments attachment_payload_limit_exceeded
       markdown_text_conflict invalid_metadata_format invalid_metadata_schema metadata_too_large invalid_arguments too_many_contact_cards
       missing_file_data a_code_that_nobody_has_seen_yet`,
    ],
  ])("Slack's codes that mean %o", async (expected, codes) => {
    for (const code of codes.split(/\s+/))
      await ends(() => platform(code, { response_metadata: { messages: ["[ERROR] +14155550100"] } }), { ...expected, code });
  });

  test.each<[number, Expected]>([
    [302, fixedBy("base_url")],
    [403, fixedBy("base_url")],
    [404, fixedBy("base_url")],
    [408, record],
    [413, rejected],
    [451, { kind: "needs-fix" }],
    [500, ambiguous],
    [502, ambiguous],
    [503, { ...down, retryAfterMs: 37_000 }],
    [504, ambiguous],
    [511, { kind: "needs-fix" }],
    [521, down],
    [524, ambiguous],
    [529, { ...down, retryAfterMs: 37_000 }],
  ])("a page with status %i, from something in front of Slack", async (status, expected) => {
    const headers = { "retry-after": "37", location: "https://elsewhere.example/" };
    await ends(() => new Response("<html>+14155550100</html>", { status, headers }), { ...expected, code: `http_${status}` });
  });

  test("a 429 says for how long, in seconds or as a date, or nothing", async () => {
    const of = (headers: Record<string, string>) => () => new Response("", { status: 429, headers });
    await ends(of({ "retry-after": "37" }), { ...slower, scope: "target", retryAfterMs: 37_000 });
    const { send } = await openSlack({ fault: onPost(of({ "retry-after": new Date(Date.now() + 90_000).toUTCString() })) });
    const outcome = await send();
    expect(outcome).toMatchObject(slower);
    expect((outcome as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(60_000);
    await ends(of({}), { ...slower, code: "429" });
    await ends(() => Response.json({ ok: false, error: "ratelimited" }, { headers: { "retry-after": "5" } }), {
      ...slower,
      retryAfterMs: 5_000,
    });
  });

  test.each([
    ["a page", () => new Response("<html>+14155550100</html>")],
    ["JSON of another shape", () => Response.json({ hello: "+14155550100" })],
    ["a success that names no message", () => Response.json({ ok: true })],
    ["a success that names none of Slack's", () => Response.json({ ok: true, ts: "+14155550100" })],
  ])("%s with status 200 is no delivery", async (_what, answer) => {
    await ends(answer, { kind: "ambiguous", code: "not_slack" });
  });

  test("an edit whose answer names no message is no delivery", async () => {
    const { send } = await openSlack({ fault: onPost(() => Response.json({ ok: true })) });
    const previous = { id: "1.1", extra: { channel: CHANNEL } };
    expect(await send(deliveryOf(documentedCall(), { previous }))).toMatchObject({ kind: "ambiguous", code: "not_slack" });
  });

  test("an address that leads elsewhere is said when it is opened, and is not followed", async () => {
    const seen: string[] = [];
    const serve = async (answer: (request: IncomingMessage, response: ServerResponse) => void) => {
      const server = createServer(answer);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      closers.push(async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      });
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    const elsewhere = await serve((request, response) => {
      seen.push(request.url ?? "");
      response.end("{}");
    });
    const base_url = await serve((_request, response) => response.writeHead(307, { location: elsewhere }).end());
    await expect(openWith({ base_url, token: "xoxb-x" })).rejects.toMatchObject({ outcome: { kind: "needs-fix", code: "http_307" } });
    expect(seen).toEqual([]);
  });

  test("a call's id of 512 characters is in the metadata shortened, and the message is found by it", async () => {
    const { send, find, records } = await openSlack();
    const call_id = "\u{1F600}".repeat(256);
    const delivery = { ...deliveryOf(documentedCall({ call_id })), key: `voiceinfra/${call_id}/sales-channel` };
    await send(delivery);
    const [record] = await records();
    const metadata = record?.body.metadata as { event_payload: Record<string, string> };
    expect(Buffer.byteLength(JSON.stringify(metadata))).toBeLessThan(1_500);
    expect(metadata.event_payload.key).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await find(delivery))?.id).toBe(record?.id);
    const other = { ...delivery, key: `${delivery.key}x` };
    expect(await find(other)).toBeUndefined();
  });

  test.each([
    ["C0NOTINVITED", "not_in_channel", "Invite it: write /invite @<the app's name> in the channel C0NOTINVITED"],
    [
      "C0NOSUCHCHAN",
      "channel_not_found",
      "Check the id C0NOSUCHCHAN in the route's `channel`; a private channel needs /invite @<the app's name>",
    ],
    ["C0ARCHIVED01", "is_archived", "Open C0ARCHIVED01 to the app, or name another `channel`"],
  ])("a message to %s waits for a person: %s", async (channel, code, fix) => {
    const { send } = await openSlack();
    expect(await send(deliveryOf(documentedCall(), { channel }))).toMatchObject({ kind: "needs-fix", code, fix });
  });

  test.each(["cant_update_message", "edit_window_closed"])("an edit that is refused with %s leaves the message as it is", async (code) => {
    const { send } = await openSlack({ fault: onPost(() => platform(code)) });
    expect(await send(deliveryOf(documentedCall(), { previous: { id: "1.1", extra: { channel: CHANNEL } } }))).toMatchObject({
      kind: "skipped",
    });
  });

  test("a connection that drops after the request is ambiguous; one that is refused means down", async () => {
    const server = createServer((request, response) => {
      if (request.url === "/api/auth.test") response.setHeader("content-type", "application/json").end('{"ok":true,"bot_id":"B1"}');
      else request.socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const base_url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
    const destination = await openWith({ base_url, token: "xoxb-x" });
    const send = async () => (await destination.send([deliveryOf()], { signal: AbortSignal.timeout(5_000) }))[0];
    expect(await send()).toMatchObject({ kind: "ambiguous" });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await send()).toMatchObject({ kind: "retry", because: "down", code: "ECONNREFUSED" });
  });

  test("no answer within the time-out is ambiguous, and the SDK does not post again by itself", async () => {
    const server = createServer((request, response) => {
      if (request.url === "/api/auth.test") response.setHeader("content-type", "application/json").end('{"ok":true,"bot_id":"B1"}');
      else posts += 1;
    });
    let posts = 0;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const destination = await openWith(
      { base_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`, token: "xoxb-x" },
      200,
    );
    const [outcome] = await destination.send([deliveryOf()], { signal: AbortSignal.timeout(5_000) });
    expect(outcome).toMatchObject({ kind: "ambiguous", code: "TimeoutError" });
    expect(posts).toBe(1);
  });

  test("nothing is printed, whatever goes wrong", async () => {
    const spies = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, "write"));
    const consoleSpies = (["debug", "info", "log", "warn", "error"] as const).map((name) => vi.spyOn(console, name));
    for (const answer of [
      () => platform("invalid_blocks", { response_metadata: { warnings: ["w"], messages: ["[ERROR] x", "[WARN] y"] } }),
      () => new Response("", { status: 502 }),
    ]) {
      await (await openSlack({ fault: onPost(answer) })).send();
    }
    const printed = [...spies, ...consoleSpies].flatMap((spy) => spy.mock.calls);
    for (const spy of [...spies, ...consoleSpies]) spy.mockRestore();
    expect(printed).toEqual([]);
  });
});

describe("after a lost answer", () => {
  test("the message is found by its metadata, and edited instead of posted again", async () => {
    let lose = false;
    const { send, find, records } = await openSlack({
      fault: (method, request, sandbox) => {
        if (method !== "chat.postMessage" || !lose) return undefined;
        lose = false;
        return Promise.resolve((sandbox.fetch as (request: Request) => Promise<Response>)(request)).then(
          () => new Response("bad gateway", { status: 502 }),
        );
      },
    });
    await send(deliveryOf(documentedCall({ call_id: "another" })));
    lose = true;
    const delivery = deliveryOf(documentedCall({ call_id: "lost" }));
    expect((await send(delivery)).kind).toBe("ambiguous");
    const found = await find(delivery);
    const all = await records();
    expect(found).toMatchObject({ id: all.at(-1)?.id, extra: { channel: CHANNEL } });
    expect(receiptOf(await send({ ...delivery, ...(found ? { previous: found } : {}) })).id).toBe(found?.id);
    expect((await records()).length).toBe(all.length);
  });

  test("a message that is not there is not found; other calls' messages are not taken for it", async () => {
    const { send, find } = await openSlack();
    await send(deliveryOf(documentedCall({ call_id: "another" })));
    expect(await find()).toBeUndefined();
  });

  test("a message some pages back is found", async () => {
    const { send, find } = await openSlack();
    const receipt = receiptOf(await send());
    for (let index = 0; index < 250; index += 1) await send(deliveryOf(documentedCall({ call_id: `call_${index}` }), { text: "x" }));
    expect(await find()).toEqual(receipt);
  });

  test("the same metadata from another app is not our message", async () => {
    const { send, find } = await openSlack({
      fault: (method, request, sandbox) =>
        method !== "conversations.history"
          ? undefined
          : Promise.resolve((sandbox.fetch as (request: Request) => Promise<Response>)(request))
              .then((response) => response.text())
              .then(
                (text) => new Response(text.replaceAll("B0SANDBOX01", "B0OTHERAPP1"), { headers: { "content-type": "application/json" } }),
              ),
    });
    await send();
    expect(await find()).toBeUndefined();
  });

  test("Slack cannot be asked without the scope: that is said, instead of not found", async () => {
    const { find } = await openSlack({
      fault: (method) =>
        method === "conversations.history" ? Response.json({ ok: false, error: "missing_scope", needed: "channels:history" }) : undefined,
    });
    await expect(find()).rejects.toThrow("missing_scope");
  });

  test("a channel with too much to read is not taken for one without the message", async () => {
    const { find } = await openSlack({
      fault: (method) =>
        method === "conversations.history"
          ? Response.json({ ok: true, messages: [], has_more: true, response_metadata: { next_cursor: "bmV4dA==" } })
          : undefined,
    });
    await expect(find()).rejects.toThrow("more than 2000 messages");
  });
});

describe("opening", () => {
  test("a wrong token says which one is needed", async () => {
    expect(await openFailure(openSlack({ token: "xoxb-wrong" }))).toEqual({
      kind: "needs-fix",
      code: "invalid_auth",
      reason: "Slack refuses the token (invalid_auth)",
      fix: "Put the bot token (xoxb-…) of an installed app into `token`",
    });
  });

  test("an app that may not post is told which scopes it lacks", async () => {
    const fault = () => Response.json({ ok: true, bot_id: "B1" }, { headers: { "x-oauth-scopes": "channels:read" } });
    const outcome = await openFailure(openSlack({ fault }));
    expect(outcome).toMatchObject({
      kind: "needs-fix",
      code: "missing_scope",
      fix: expect.stringMatching(/chat:write.*channels:history/),
    });
  });

  test("nothing was sent yet: what would be ambiguous later means down", async () => {
    expect(await openFailure(openSlack({ fault: () => new Response("<html>", { status: 502 }) }))).toMatchObject({
      kind: "retry",
      because: "down",
    });
    expect(await openFailure(openWith({ base_url: `http://127.0.0.1:${await closedPort()}/api/`, token: "xoxb-x" }))).toMatchObject({
      kind: "retry",
      because: "down",
      code: "ECONNREFUSED",
    });
  });

  test("settings: an empty token, a channel's name and unknown keys are refused", () => {
    expect(slack.settings.safeParse({ token: "" }).success).toBe(false);
    expect(slack.settings.safeParse({ token: "x", channel: "C1" }).success).toBe(false);
    expect(slack.with.safeParse({ channel: "#sales" }).success).toBe(false);
    expect(slack.with.safeParse({ channel: "{{ metadata.channel }}" }).success).toBe(true);
    expect(slack.with.safeParse({}).success).toBe(false);
    expect(slack.with.safeParse({ channel: CHANNEL, thread_for: "2h" }).error?.issues).toMatchObject([{ path: ["thread_for"] }]);
    expect(slack.with.safeParse({ channel: CHANNEL, thread_for: "2h", thread_by: "customer" }).success).toBe(true);
  });
});

describe("the sandbox is as strict as Slack", () => {
  const blocks = (value: unknown) => ({ blocks: JSON.stringify(value) });
  const header = (text: string) => ({ type: "header", text: { type: "plain_text", text } });

  test.each<[string, Record<string, string>]>([
    ["no_text", {}],
    ["invalid_blocks_format", { text: "x", blocks: "[" }],
    ["invalid_blocks", { text: "x", ...blocks([header("h".repeat(151))]) }],
    ["invalid_blocks", { text: "x", ...blocks(Array(51).fill({ type: "divider" })) }],
    ["invalid_blocks", { text: "x", ...blocks([{ type: "section", text: { type: "mrkdwn", text: "m".repeat(3_001) } }]) }],
    ["invalid_blocks", { text: "x", ...blocks([{ type: "hero" }]) }],
    [
      "msg_blocks_too_long",
      { text: "x", ...blocks(Array(5).fill({ type: "section", text: { type: "mrkdwn", text: "m".repeat(2_900) } })) },
    ],
    ["invalid_metadata_format", { text: "x", metadata: "{" }],
    ["invalid_metadata_schema", { text: "x", metadata: '{"event_type":"no spaces","event_payload":{}}' }],
    ["channel_not_found", { text: "x", channel: "C0NOSUCHCHAN" }],
  ])("%s", async (error, form) => {
    const sandbox = createSandbox();
    const { token = "" } = sandbox.settings({ url: "", folder: "" });
    const response = await sandbox.fetch?.(
      new Request("http://127.0.0.1/api/chat.postMessage", {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: new URLSearchParams({ channel: CHANNEL, ...form }),
      }),
    );
    expect(await response?.json()).toMatchObject({ ok: false, error });
    expect(await sandbox.records()).toEqual([]);
  });
});

test("a posted message can be deleted, once, for `patchbay forget`", async () => {
  const { destination, send, records } = await openSlack();
  const sent = await send();
  if (sent.kind !== "delivered") throw new Error(sent.kind);
  const left = { key: deliveryOf().key, receipt: sent.receipt };
  const signal = AbortSignal.timeout(5_000);
  expect(await destination.erase?.(left, { signal })).toBe(true);
  expect(await records()).toEqual([]);
  expect(await destination.erase?.(left, { signal })).toBe(false);
});
