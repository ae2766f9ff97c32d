import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { Ajv } from "ajv";
import draft6 from "ajv/dist/refs/json-schema-draft-06.json" with { type: "json" };
import { describe, expect, onTestFinished, test } from "vitest";
import type { Connector, Outcome, Related, SandboxRecord } from "../../src/connector/index.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { deliveryOf, documentedCall } from "../../test/support/documented-call.ts";
import { closedPort } from "../../test/support/ports.ts";
import { teams } from "./index.ts";
import type { TeamsWith } from "./mapping.ts";
import { messageOf } from "./message.ts";
import { createSandbox } from "./sandbox/index.ts";
import { authorsText, escaped } from "./text.ts";

const KEY = "voiceinfra/call_01HXYZ123456/support-channel";
const FLOW = createSandbox().settings({ url: "", folder: "" }).url ?? "";
type Options = Omit<Parameters<typeof deliveryOf<TeamsWith>>[0], "with"> & { with?: TeamsWith };
const delivery = (options: Options = {}) => deliveryOf<TeamsWith>({ key: KEY, with: {}, ...options });
const cardOf = (options: Options = {}) => messageOf(delivery(options), { timezone: "Europe/Berlin" }).attachments[0].content;
const bytesOf = (options: Options) => Buffer.byteLength(JSON.stringify(messageOf(delivery(options), { timezone: "UTC" })));

/** Microsoft's own schema of Adaptive Cards. It does not know the `msteams` of Teams. */
const validate = (() => {
  const { id: _, ...schema } = JSON.parse(
    readFileSync(new URL("../../test/specs/adaptive-card-1.5.0.schema.json", import.meta.url), "utf8"),
  );
  const ajv = new Ajv({ strict: false, validateFormats: false });
  ajv.addMetaSchema(draft6);
  return ajv.compile(schema);
})();
function violations({ msteams: _, ...card }: { msteams?: unknown }): unknown {
  return validate(card) ? [] : validate.errors;
}

async function openTeams(options: { fault?: (request: Request) => Response | undefined; limits?: boolean; settings?: object } = {}) {
  const { fault, limits = false } = options;
  const sandbox = createSandbox({ limits });
  const requests: Request[] = [];
  const served = await serveSandbox({
    sandbox: {
      ...sandbox,
      fetch: async (request) => {
        requests.push(request);
        return fault?.(request) ?? (await sandbox.fetch?.(request)) ?? Response.error();
      },
    },
  });
  onTestFinished(() => served.close());
  const settings = teams.settings.parse({ ...sandbox.settings({ url: served.url, folder: "" }), ...options.settings });
  const destination = await teams.open({ settings, timezone: "Europe/Berlin", timeoutMs: 1_000 });
  const send = async (one = delivery()) => (await destination.send([one], { signal: AbortSignal.timeout(5_000) }))[0] as Outcome;
  return { send, requests, records: () => sandbox.records(), destination };
}

/** What a reader sees of a card, block by block. */
function textsIn(card: unknown): string[] {
  const { body } = card as { body: { text?: string; inlines?: { text: string }[]; items?: { inlines: { text: string }[] }[] }[] };
  const of = ({ inlines = [] }: { inlines?: { text: string }[] }) => inlines.map(({ text }) => text).join("");
  return body.flatMap((one) => (one.text !== undefined ? [one.text] : (one.items ?? [one]).map(of)));
}

const mentionsOf = (record: SandboxRecord | undefined) => record?.body.mentions;

describe("a call in Teams", () => {
  test("the card says who called, how it ended and what was said, and carries its call's id", async () => {
    const { send, records } = await openTeams();
    const outcome = await send();
    const [record, ...others] = await records();
    expect(others).toEqual([]);
    expect(outcome).toEqual({ kind: "delivered", receipt: { id: record?.id } });
    expect(record?.key).toBe(KEY);
    expect(record?.body).toMatchObject({
      version: "1.4",
      body: [{ id: "title" }, { type: "Container", id: "facts" }, { type: "Container", id: "summary" }, { id: KEY }],
      actions: [{ type: "Action.OpenUrl", title: "Recording" }],
    });
    expect(textsIn(record?.body)).toEqual([
      "Inbound call · +14155550100 · answered",
      "Number: +14155550100",
      "Duration: 2 min 27 s",
      "Agent: Sales line",
      "Time: 15 Jan 2025, 15:23 CET",
      expect.stringContaining("January 15 appointment"),
      "Call ID: call_01HXYZ123456",
    ]);
  });

  test("a CRM record that `after` brought is named and linked", () => {
    const related: Related = {
      title: "HubSpot",
      url: "https://app.hubspot.com/contacts/1/record/0-48/77",
      person: {
        id: "7",
        kind: "contact",
        name: "Dana [Example](https://evil.example)",
        url: "https://app.hubspot.com/contacts/1/record/0-1/7",
      },
    };
    const card = cardOf({ related });
    // No Markdown is read there: it is no link.
    expect(card.body[0]?.type).toBe("RichTextBlock");
    expect(textsIn(card)[0]).toBe("Inbound call · Dana [Example](https://evil.example) · answered");
    expect(card.actions?.map(({ title }) => title)).toEqual(["Recording", "Open in HubSpot", "Open contact"]);
    expect(violations(card)).toEqual([]);
  });

  test("the route's own title and text take the place of ours; the call's id stays", () => {
    const card = cardOf({ with: { title: "A *lead*", text: "**Bold** and [a link](https://crm.example) <at>Dana</at>" } });
    expect(card.body.map(({ type }) => type)).toEqual(["RichTextBlock", "TextBlock", "RichTextBlock"]);
    expect(textsIn(card)).toEqual([
      "A *lead*",
      "**Bold** and [a link](https://crm.example) \\<at>Dana\\</at>",
      "Call ID: call_01HXYZ123456",
    ]);
    expect(violations(card)).toEqual([]);
  });

  test("what the route withholds is not in the card", () => {
    const call = documentedCall();
    for (const field of ["from_number", "to_number", "customer_number", "summary", "recording_url"] as const) delete call[field];
    const card = cardOf({ call });
    expect(card.fallbackText).toBe("Inbound call · answered");
    expect(card.body.map(({ id }) => id)).toEqual(["title", "facts", KEY]);
    expect(card.actions).toBeUndefined();
  });

  test("a later version makes no second card, and says why", async () => {
    const { send, requests } = await openTeams();
    expect(await send(delivery({ previous: { id: "1" } }))).toEqual({
      kind: "skipped",
      reason: "Teams changes no card that was posted: it stands as it is",
    });
    expect(requests).toEqual([]);
  });

  test("every golden card is one by Microsoft's schema, and has no field that the page does not list", () => {
    const folder = new URL("golden/", import.meta.url);
    const files = readdirSync(folder);
    expect(files.length).toBeGreaterThan(10);
    const listed = new Set(teams.sends?.map(({ field }) => field));
    for (const file of files) {
      for (const { body } of JSON.parse(readFileSync(new URL(file, folder), "utf8"))) {
        const card = body.attachments[0].content;
        expect(violations(card), file).toEqual([]);
        const ids = card.body.map((one: { id: string }) => (one.id.includes("/") ? "call_id" : one.id));
        const fields = [
          ...Object.keys(body).filter((name) => name !== "attachments"),
          ...ids.map((id: string) => `attachments.content.body.${id}`),
          ...Object.keys(card)
            .filter((name) => !["$schema", "type", "version", "msteams", "body"].includes(name))
            .map((name) => `attachments.content.${name}`),
        ];
        expect(fields.filter((field) => !listed.has(field))).toEqual([]);
      }
    }
  });

  test("Microsoft's schema refuses a card that is none: the check can fail", () => {
    expect(violations({ ...cardOf(), body: [{ type: "TextBlock" }] } as object)).not.toEqual([]);
  });
});

describe("what a caller says is text", () => {
  test.each([
    ["[link](https://evil.example)", "\\[link\\](https://evil.example)"],
    ["**bold** _it_ ~no~ `code` \\", "\\*\\*bold\\*\\* \\_it\\_ ~no~ \\`code\\` \\\\"],
    ["<at>Dana</at>", "\\<at\\>Dana\\</at\\>"],
    ["- a list\n1. another\n+4915550100", "\\- a list\n\n1\\. another\n\n+4915550100"],
    ["{{DATE(2017-02-14T06:08:00Z)}}", "{\u200b{DATE(2017-02-14T06:08:00Z)}}"],
    ["a\u0000b\r\n\r\nc\ud800", "a b\n\nc\ufffd"],
  ])("in a route's own text %j is written %j", (said, written) => {
    expect(escaped(said)).toBe(written);
  });

  test("in our card nothing is escaped: no Markdown is read where it stands, and phones would show the backslashes", () => {
    const said = "**Bold** [link](https://evil.example) <at>Dana</at> _x_ `y` ~z~ \\ - a {{DATE(2017-02-14T06:08:00Z)}}";
    const card = cardOf({ call: documentedCall({ summary: said, agent_name: said, call_outcome: said, call_id: said }) });
    const texts = textsIn(card).join("\n").replaceAll("\u200b", "");
    expect(texts.split(said)).toHaveLength(5);
    expect(JSON.stringify(card)).not.toContain('TextBlock","text');
    expect(card.body.every(({ type }) => type !== "TextBlock")).toBe(true);
    expect(violations(card)).toEqual([]);
  });

  test("a name of spaces alone is no fact, and refuses no card", () => {
    const card = cardOf({ call: documentedCall({ agent_name: "   ", summary: " \n " }) });
    expect(textsIn(card).some((text) => text.startsWith("Agent"))).toBe(false);
    expect(JSON.stringify(card)).not.toMatch(/"text":"\s*"/);
  });

  test("a summary of several lines keeps them, up to twenty", () => {
    const lines = (count: number) => Array.from({ length: count }, (_, index) => `Line ${index}.`);
    const shown = (count: number) => textsIn(cardOf({ call: documentedCall({ summary: lines(count).join("\n\n") }) })).slice(5, -1);
    expect(shown(3)).toEqual(lines(3));
    expect(shown(25)).toEqual([...lines(19), lines(25).slice(19).join(" ")]);
  });

  test("it mentions nobody, in the summary, the names and a route's own text", async () => {
    const { send, records } = await openTeams();
    const hostile = "<at>Everyone</at> <AT id='0'>x</AT> **x**";
    await send(delivery({ call: documentedCall({ summary: hostile, agent_name: hostile, call_outcome: hostile }) }));
    await send(delivery({ with: { title: hostile, text: hostile } }));
    expect((await records()).map(mentionsOf)).toEqual([[], []]);
  });

  test("an author's Markdown stays as it is", () => {
    expect(authorsText("**b** [l](https://x.example) - <b>")).toBe("**b** [l](https://x.example) - <b>");
  });

  test.each([["http://x.example/a.mp3"], ["javascript:alert(1)"], ["no address"], [`https://x.example/${"a".repeat(2_000)}`]])(
    "a recording at %j gets no button",
    (recording_url) => {
      expect(cardOf({ call: documentedCall({ recording_url }) }).actions).toBeUndefined();
    },
  );
});

describe("a card's size", () => {
  test.each([
    ["signs that are escaped", "*".repeat(50_000)],
    ["Japanese", "契約".repeat(25_000)],
    ["emoji", "👩‍👩‍👧‍👦".repeat(10_000)],
    ["new lines", "\n".repeat(50_000)],
    ["quotes", '"'.repeat(50_000)],
  ])("50,000 %s everywhere stay below 20,000 bytes, are marked as cut, and are taken", async (_what, long) => {
    const call = documentedCall({ summary: `Words. ${long}x`, agent_name: long, call_outcome: long });
    const own = { title: long, text: `Words. ${long}x` };
    expect(bytesOf({ call })).toBeLessThanOrEqual(20_000);
    expect(bytesOf({ with: own })).toBeLessThanOrEqual(20_000);
    for (const card of [cardOf({ call }), cardOf({ with: own })]) {
      expect(violations(card)).toEqual([]);
      expect(JSON.stringify(card)).toContain("…");
      expect(JSON.stringify(card).isWellFormed()).toBe(true);
    }
    const { send } = await openTeams();
    expect((await send(delivery({ call }))).kind).toBe("delivered");
    expect((await send(delivery({ with: own }))).kind).toBe("delivered");
  });

  test("what is cut is as little as must be", () => {
    expect(bytesOf({ with: { text: "x".repeat(50_000) } })).toBe(20_000);
  });
});

describe("how an attempt ends", () => {
  const error = (status: number, code: string) => Response.json({ error: { code, message: "+14155550100 sig=abc" } }, { status });
  const after37 = (status: number) => new Response("", { status, headers: { "retry-after": "37" } });
  const fixedBy = (words: string) => ({ kind: "needs-fix", fix: expect.stringContaining(words) });
  test.each<[string, Response, object]>([
    ["202", new Response(null, { status: 202 }), { kind: "delivered", receipt: { id: KEY } }],
    ["202 with its run", new Response(null, { status: 202, headers: { "x-ms-workflow-run-id": "run1" } }), { receipt: { id: "run1" } }],
    [
      "200 of a flow with a Response action",
      Response.json({ any: 1 }, { headers: { "x-ms-workflow-run-id": "run1" } }),
      { kind: "delivered", receipt: { id: "run1" } },
    ],
    ["200 without a body, which anybody may answer", new Response(null, { status: 200 }), { kind: "ambiguous", code: "http_200" }],
    ["200 with a page", new Response("<html>+14155550100</html>"), { kind: "ambiguous" }],
    [
      "200 with an error of the flow in it",
      Response.json({ error: { code: "ActionFailed", message: "+14155550100" } }, { headers: { "x-ms-request-id": "1" } }),
      { kind: "ambiguous", code: "ActionFailed" },
    ],
    [
      "200 with the words of a connector that Teams throttled",
      new Response("Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x", {
        headers: { "x-ms-request-id": "1" },
      }),
      { kind: "ambiguous" },
    ],
    ["429 of 37 seconds", after37(429), { because: "rate-limit", retryAfterMs: 37_000 }],
    ["429 without a wait", new Response("", { status: 429 }), { kind: "retry", because: "rate-limit" }],
    ["throttling by another status", error(503, "WorkflowRunActionThrottled"), { kind: "retry", because: "rate-limit" }],
    ["408", new Response("", { status: 408 }), { kind: "retry", because: "record" }],
    ["409", new Response("", { status: 409 }), { kind: "retry", because: "record" }],
    ["503, of nobody there to begin it", after37(503), { kind: "retry", because: "down", retryAfterMs: 37_000 }],
    ["502, of nobody behind the gateway", error(502, "BadGateway"), { kind: "retry", because: "down" }],
    ["529, of an overload", after37(529), { kind: "retry", because: "down", retryAfterMs: 37_000 }],
    ["500, which may come after the flow has begun", new Response("<html>", { status: 500 }), { kind: "ambiguous", code: "http_500" }],
    ["502, of a gateway", new Response("<html>", { status: 502 }), { kind: "ambiguous", code: "http_502" }],
    ["502, of a flow that ran and gave no answer", error(502, "NoResponse"), { kind: "ambiguous", code: "NoResponse" }],
    ["504", error(504, "GatewayTimeout"), { kind: "ambiguous" }],
    ["401", error(401, "AuthorizationFailed"), { kind: "needs-fix", code: "AuthorizationFailed" }],
    ["a flow that asks for a login", error(401, "DirectApiAuthorizationRequired"), fixedBy("Anyone")],
    ["403", new Response("<html>", { status: 403 }), { kind: "needs-fix" }],
    ["an address that may not call", error(403, "ForbiddenIpAddress"), fixedBy("access control")],
    ["404", error(404, "WorkflowNotFound"), { kind: "needs-fix", code: "WorkflowNotFound" }],
    ["405", new Response("", { status: 405 }), { kind: "needs-fix" }],
    ["410", new Response("", { status: 410 }), { kind: "needs-fix", stopsRoute: true }],
    ["451", new Response("", { status: 451 }), { kind: "needs-fix" }],
    ["a flow that is turned off or deleted", error(400, "WorkflowTriggerIsNotEnabled"), fixedBy("turn it on")],
    ["a flow that a data policy suspends", error(403, "FlowSuspended"), fixedBy("administrator")],
    ["a trigger with a schema", error(400, "TriggerInputSchemaMismatch"), fixedBy("Schema empty")],
    ["an address without its end", error(400, "MissingApiVersionParameter"), fixedBy("address")],
    ["400", error(400, "InvalidRequestContent"), { kind: "rejected", code: "InvalidRequestContent" }],
    ["413", new Response("", { status: 413 }), { kind: "rejected", code: "http_413" }],
  ])("%s", async (_what, answer, expected) => {
    const { send, requests } = await openTeams({ fault: () => answer });
    const outcome = await send();
    expect(outcome).toMatchObject(expected);
    expect(inspect(outcome)).not.toMatch(/1415555|sig=/);
    expect(requests).toHaveLength(1);
  });

  test("an answer without an end is left once its code could be read", async () => {
    let ended = false;
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(64_000)),
      cancel: () => {
        ended = true;
      },
    });
    const { send } = await openTeams({ fault: () => new Response(endless, { status: 202 }) });
    expect((await send()).kind).toBe("delivered");
    await expect.poll(() => ended).toBe(true);
  });

  test("a redirect is not followed: the address is the credential", async () => {
    const seen: string[] = [];
    const elsewhere = createServer((request, response) => {
      seen.push(request.url ?? "");
      response.writeHead(202).end();
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void elsewhere.close());
    const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
    const { send } = await openTeams({ fault: () => new Response(null, { status: 307, headers: { location } }) });
    expect(await send()).toMatchObject({ kind: "needs-fix", code: "http_307" });
    expect(seen).toEqual([]);
  });

  test("no answer in time is ambiguous; nobody there is down", async () => {
    const { send } = await openTeams({ fault: () => new Promise<Response>(() => undefined) as never });
    expect(await send()).toMatchObject({ kind: "ambiguous" });
    const nobody = await openTeams({ settings: { base_url: `http://127.0.0.1:${await closedPort()}` } });
    expect(await nobody.send()).toMatchObject({ kind: "retry", because: "down" });
  });

  test("five at once: the flow takes four in a second, and its wait is passed on", async () => {
    const { send, records } = await openTeams({ limits: true });
    const outcomes: Outcome[] = [];
    for (let index = 0; index < 5; index += 1) outcomes.push(await send());
    expect(outcomes.at(-1)).toEqual({
      kind: "retry",
      because: "rate-limit",
      code: "WorkflowRunActionThrottled",
      reason: "Teams' flow asks to send more slowly",
      retryAfterMs: 1_000,
    });
    expect(await records()).toHaveLength(4);
  });
});

describe("the flow's address", () => {
  test("of the old host is a caution of check, of the new one it is not", () => {
    expect(teams.note?.({ url: FLOW })).toMatch(/ended on 2025-11-30.*powerplatform/);
    expect(teams.note?.({ url: "https://default1.06.environment.api.powerplatform.com:443/powerautomate/x?sig=y" })).toBeUndefined();
    expect(teams.note?.({ url: "${TEAMS_WORKFLOW_URL}" })).toBeUndefined();
    expect(teams.note?.({ url: FLOW })).not.toMatch(/sig|workflows\//);
  });

  test.each([
    [
      "https://contoso.webhook.office.com/webhookb2/abc@def/IncomingWebhook/x/y",
      /Office 365 connector, which Microsoft has retired.*Workflows app/,
    ],
    ["https://outlook.office.com/webhook/abc", /retired/],
    ["https://prod-00.westeurope.logic.azure.com/workflows/a/triggers/manual/paths/invoke?sp=x", /lacks its sig=/],
    ["https://example.com/hook?sig=abc", /logic\.azure\.com/],
    ["https://evil-logic.azure.com.example.com/?sig=abc", /logic\.azure\.com/],
    ["http://prod-00.westeurope.logic.azure.com/workflows/a?sig=abc", /https/],
    ["not an address", /is no address/],
    ["", /is empty/],
  ])("%s is refused, with what to do, and not quoted", (url, message) => {
    const parsed = teams.settings.safeParse({ url });
    expect(parsed.success).toBe(false);
    expect(parsed.error?.issues[0]).toMatchObject({ path: ["url"], message: expect.stringMatching(message) });
    if (url !== "") expect(JSON.stringify(parsed.error?.issues)).not.toContain(url);
  });

  test.each([FLOW, "https://default1234.56.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/a?sig=abc"])(
    "%s is taken, and cannot print itself",
    (url) => {
      const settings = teams.settings.parse({ url });
      expect(inspect(settings, { depth: 9 }) + JSON.stringify(settings)).not.toContain("sig=");
      expect(settings.rate).toBe("1/s");
    },
  );

  test("in routes.yaml it is a secret: a mistake in it is shown with the address blotted out, and the pace is one card a second", () => {
    const file = (url: string) => {
      const path = join(mkdtempSync(join(tmpdir(), "patchbay-teams-")), "routes.yaml");
      onTestFinished(() => rmSync(dirname(path), { recursive: true }));
      writeFileSync(
        path,
        `version: 1\nsources: { v: { secrets: ["\${S}"] } }\ndestinations:\n  teams: { connector: teams, url: "${url}" }\nroutes: [{ id: a, to: teams }]\n`,
      );
      return loadRoutes({ path, env: { S: "s", URL: FLOW }, connectors: { teams: teams as unknown as Connector }, role: { kind: "all" } });
    };
    expect(file("${URL}").destinations[0]?.intervalMs).toBe(1_000);
    let shown = "";
    try {
      file("https://contoso.webhook.office.com/webhookb2/the-secret-part");
    } catch (error) {
      shown = inspect(error, { depth: 9 });
    }
    expect(shown).toContain("retired");
    expect(shown).not.toContain("the-secret-part");
  });

  test("base_url takes the place of its origin; path and query stay", async () => {
    const { send, requests } = await openTeams();
    await send();
    const [asked, flow] = [new URL(requests[0]?.url ?? ""), new URL(FLOW)];
    expect(asked.hostname).toBe("127.0.0.1");
    expect(asked.pathname + asked.search).toBe(flow.pathname + flow.search);
  });
});

describe("the sandbox is as strict as a flow", () => {
  const post = async (options: { query?: string; type?: string; body?: string; path?: string }) => {
    const sandbox = createSandbox({ limits: false });
    const url = new URL(FLOW);
    const { query = url.search, type = "application/json", body = JSON.stringify(messageOf(delivery(), { timezone: "UTC" })) } = options;
    const request = new Request(`http://127.0.0.1${options.path ?? url.pathname}${query}`, {
      method: "POST",
      headers: { "content-type": type },
      body,
    });
    const response = await sandbox.fetch?.(request);
    const records = await sandbox.records();
    return { status: response?.status, records: records.length };
  };
  const card = messageOf(delivery(), { timezone: "UTC" });
  const withBody = (body: unknown) =>
    JSON.stringify({ ...card, attachments: [{ ...card.attachments[0], content: { ...card.attachments[0].content, body } }] });

  test.each<[number, string, Parameters<typeof post>[0]]>([
    [401, "no signature", { query: "?api-version=2016-06-01" }],
    [401, "a wrong signature", { query: "?api-version=2016-06-01&sig=wrong" }],
    [404, "another flow", { path: "/workflows/other/triggers/manual/paths/invoke" }],
    [415, "a form", { type: "application/x-www-form-urlencoded" }],
    [400, "no JSON", { body: "{" }],
    [400, "a card without an envelope", { body: JSON.stringify(card.attachments[0].content) }],
    [400, "an element that is none", { body: withBody([{ type: "Header", text: "x" }]) }],
    [400, "an unknown property", { body: withBody([{ type: "TextBlock", text: "x", colour: "red" }]) }],
    [400, "two elements with one id", { body: withBody([1, 2].map(() => ({ type: "TextBlock", text: "x", id: "same" }))) }],
    [413, "28 KB", { body: withBody([{ type: "TextBlock", text: "x".repeat(28 * 1024) }]) }],
  ])("%i for %s", async (status, _what, request) => {
    expect(await post(request)).toEqual({ status, records: 0 });
  });

  test("202 for a card", async () => {
    expect(await post({})).toEqual({ status: 202, records: 1 });
  });
});
