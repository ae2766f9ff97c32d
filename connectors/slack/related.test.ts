import { describe, expect, test } from "vitest";
import type { Related } from "../../src/connector/index.ts";
import { callTo, startWorkspace } from "../../test/support/open-slack.ts";
import { messageOf } from "./message.ts";

const related: Related = {
  title: "HubSpot",
  url: "https://app.hubspot.com/contacts/1/record/0-48/77",
  person: {
    id: "7",
    kind: "contact",
    name: "Dana <Example>",
    owner: "dana.owner@example.com",
    url: "https://app.hubspot.com/contacts/1/record/0-1/7?a=1&b=2",
  },
};

const textOf = (value: unknown) => JSON.stringify(value);

describe("a call whose CRM record is known", () => {
  test("the message names the person, links them, and opens the record", () => {
    const { blocks, text } = messageOf(callTo("a", { related }), { timezone: "UTC" });
    expect(text).toMatch(/^Inbound call · Dana &lt;Example&gt; · answered: /);
    expect(blocks[0]).toMatchObject({ text: { type: "plain_text", text: "Inbound call · Dana <Example> · answered" } });
    expect(blocks[1]).toMatchObject({
      fields: [
        { text: "*Customer*\n<https://app.hubspot.com/contacts/1/record/0-1/7?a=1&amp;b=2|Dana &lt;Example&gt;>" },
        { text: "*Number*\n+14155550100" },
        {},
        {},
        {},
      ],
    });
    expect(blocks.at(-1)).toMatchObject({
      elements: [
        { action_id: "recording", text: { text: "Recording" } },
        { action_id: "record", text: { text: "Open in HubSpot" }, url: related.url },
      ],
    });
  });

  test("the route's own text is the author's alone", () => {
    const { blocks } = messageOf(callTo("a", { related, with: { text: "A call." } }), { timezone: "UTC" });
    expect(blocks).toMatchObject([{ text: { text: "A call." } }]);
    expect(blocks).toHaveLength(1);
  });

  test.each([
    ["an address that is not https", "javascript:alert(1)"],
    ["an address that is too long", `https://x.example/${"a".repeat(600)}`],
    ["no address", undefined],
  ])("a person with %s is named without a link", (_what, url) => {
    const person = { id: "7", kind: "contact", name: "Dana", ...(url === undefined ? {} : { url }) };
    const { blocks } = messageOf(callTo("a", { related: { title: "HubSpot", url: undefined, person } }), { timezone: "UTC" });
    expect(textOf(blocks[1])).toContain('"*Customer*\\nDana"');
  });

  test("an address cannot end its link before its time", () => {
    const person = { id: "7", kind: "contact", name: "Dana", url: "https://x.example/a|b><!channel>" };
    const { blocks } = messageOf(callTo("a", { related: { title: "HubSpot", url: undefined, person } }), { timezone: "UTC" });
    expect(textOf(blocks[1])).toContain("<https://x.example/a%7Cb%3E%3C!channel%3E|Dana>");
  });

  test("what came too late is added to the message, and stays when a later version comes without it", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    const first = await receipt(callTo("a"));
    const named = await receipt(callTo("a", { previous: first, related }));
    const again = await receipt(callTo("a", { previous: named, call: { summary: "Later words." } }));
    const [body, ...others] = await bodies();
    expect(others).toEqual([]);
    expect(textOf(body)).toContain("Later words.");
    expect(textOf(body)).toContain("Dana <Example>");
    expect(textOf(body)).toContain("Open in HubSpot");
    expect(again).toMatchObject({ id: first.id, person: { name: "Dana <Example>" } });
  });

  test("the longest of everything stays below Slack's limit of all blocks", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    const long = "&".repeat(3_000);
    const url = (length: number) => `https://x.example/${"a".repeat(length - 18)}`;
    const person = { id: "7", kind: "contact", name: long, url: url(500) };
    await receipt(
      callTo("a", {
        related: { title: long, url: url(3_000), person },
        call: { summary: long, agent_name: long, call_outcome: long, recording_url: url(3_000) },
      }),
    );
    expect(textOf((await bodies())[0]?.blocks).length).toBeLessThan(10_000);
  });
});

describe("mention: owner", () => {
  const mention = { mention: "owner" } as const;

  test("the record's owner is mentioned, and nobody else", async () => {
    const { open, bodies, called } = await startWorkspace();
    const { receipt } = await open();
    await receipt(callTo("a", { with: mention, related, call: { agent_owner: "sales@example.com", summary: "<@U012AB3CD> <!here>" } }));
    await receipt(callTo("b", { with: mention, related }));
    const all = await bodies();
    expect(all.map(({ mentions }) => mentions)).toEqual([["<@U0OWNER0001>"], ["<@U0OWNER0001>"]]);
    expect(called.filter((method) => method === "users.lookupByEmail")).toHaveLength(1);
  });

  test("without a record it is the agent's owner; in a route's own text too", async () => {
    const { open, bodies } = await startWorkspace();
    const { receipt } = await open();
    await receipt(callTo("a", { with: { ...mention, text: "A call. <@U012AB3CD>" }, call: { agent_owner: "Sales@Example.com" } }));
    expect((await bodies())[0]).toMatchObject({
      mentions: ["<@U0SALES0001>", "<@U0SALES0001>"],
      text: "<@U0SALES0001> A call. &lt;@U012AB3CD&gt;",
    });
  });

  test("a late summary mentions the same person, and asks nobody", async () => {
    const { open, bodies, called } = await startWorkspace();
    const { receipt } = await open();
    const first = await receipt(callTo("a", { with: mention, related }));
    called.length = 0;
    expect(await receipt(callTo("a", { with: mention, previous: first }))).toMatchObject({
      id: first.id,
      extra: { mention: "U0OWNER0001" },
    });
    expect((await bodies())[0]?.mentions).toEqual(["<@U0OWNER0001>"]);
    expect(called).toEqual(["chat.update"]);
  });

  test.each<[string, string, Response | undefined, string]>([
    ["somebody whom Slack does not know", "nobody@example.com", undefined, "users_not_found"],
    ["an app without the scope", "sales@example.com", Response.json({ ok: false, error: "missing_scope" }), "missing_scope"],
    ["somebody who has left", "sales@example.com", Response.json({ ok: true, user: { id: "U1", deleted: true } }), "users_not_found"],
    ["an answer that is no user", "sales@example.com", Response.json({ ok: true, user: { id: "!channel" } }), "users_not_found"],
    ["an owner without an address", "the sales team", undefined, "no_email"],
  ])("%s is not mentioned, and the message goes out", async (_what, agent_owner, answer, why) => {
    const { open, bodies } = await startWorkspace({ fault: (method) => (method === "users.lookupByEmail" ? answer : undefined) });
    const { extra } = await (await open()).receipt(callTo("a", { with: mention, call: { agent_owner } }));
    expect(extra?.unmentioned).toBe(why);
    expect((await bodies()).map(({ mentions }) => mentions)).toEqual([[]]);
  });
});

test("a message is read back as it stands in Slack; one that was deleted is not there", async () => {
  const { open } = await startWorkspace();
  const { receipt, read, erase } = await open();
  const kept = await receipt(callTo("kept"));
  const left = await receipt(callTo("left"));
  expect(await read(kept)).toMatchObject({
    ts: kept.id,
    text: expect.stringContaining("Inbound call"),
    metadata: { event_payload: { call_id: "kept" } },
  });
  await erase(left);
  expect(await read(left)).toBeUndefined();
});
