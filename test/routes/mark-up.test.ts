import { describe, expect, test } from "vitest";
import { connectors as all } from "../../connectors/index.ts";
import type { Call } from "../../src/model/call.ts";
import type { Route } from "../../src/route.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { deliveryOf, documentedCall } from "../support/documented-call.ts";
import { metadataOfNumbers } from "../support/exact-numbers.ts";
import { callOf } from "./support/calls.ts";

const DESTINATIONS = {
  slack: { settings: "token: xoxb-1", with: { channel: "C0123456789" } },
  teams: { settings: 'url: "https://prod-1.westeurope.logic.azure.com/workflows/1?sig=s1"', with: {} },
  discord: { settings: 'url: "https://discord.com/api/webhooks/1/t0ken"', with: {} },
};
type Name = keyof typeof DESTINATIONS;

const RELATED = (name: string) => ({
  title: "HubSpot",
  url: "https://crm.example/a_b/(1)?x=1&y=_2_",
  person: { id: "1", kind: "contact", name },
});

/** What the connector makes of a route's `with` and a call, as its API gets it. */
async function sent(to: Name, own: Record<string, string>, call: Partial<Call>, name = "Dana"): Promise<Record<string, string>> {
  const { settings, with: needed } = DESTINATIONS[to];
  const text = JSON.stringify({ ...needed, ...own });
  const file = `version: 1
sources: { main: { secrets: ["\${SECRET}"] } }
destinations: { it: { connector: ${to}, ${settings} }, crm: { connector: webhook, url: "https://crm.example", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" } }
routes:
  - { id: a, to: it, after: { route: b, wait: 1s }, share: [numbers, summary, metadata], with: ${text} }
  - { id: b, to: crm }
`;
  const { routes } = loadRoutes({
    path: "routes.yaml",
    text: file,
    env: { SECRET: "the-webhook-secret" },
    connectors: all,
    role: { kind: "check" },
  });
  const rendered = (routes[0] as Route).map(callOf(call), RELATED(name)).with;
  const delivery = deliveryOf({ call: documentedCall(), with: rendered as never });
  if (to === "slack") {
    const { messageOf } = await import("../../connectors/slack/message.ts");
    return { channel: String(rendered.channel), text: messageOf(delivery, { timezone: "UTC" }).text };
  }
  if (to === "discord") {
    const { messageOf } = await import("../../connectors/discord/message.ts");
    return { text: messageOf(delivery).embeds[0]?.description ?? "" };
  }
  const { messageOf } = await import("../../connectors/teams/message.ts");
  const { body, fallbackText } = messageOf(delivery, { timezone: "UTC" }).attachments[0].content;
  const of = (id: string) => {
    const one = body.find((block) => block.id === id);
    return one?.type === "TextBlock" ? one.text : one?.type === "RichTextBlock" ? one.inlines.map(({ text }) => text).join("") : "";
  };
  return { text: of("text"), title: of("title"), plain: fallbackText };
}

const textOf = async (...what: Parameters<typeof sent>) => (await sent(...what)).text;

describe("what a call brings into a route's own text is text; only what its author wrote is mark-up", () => {
  test.each(["slack", "teams", "discord"] as const)("%s: a number that a double does not hold is shown with every digit", async (to) => {
    const { metadata = {} } = metadataOfNumbers();
    expect(await textOf(to, { text: "{{ metadata.order_id }} {{ metadata.ad }} {{ metadata.exp }}" }, { metadata })).toBe(
      "1234567890123456789 12345678901234567890 1e400",
    );
  });

  test("Slack: a caller's link is no link, in the summary or in a name", async () => {
    const evil = "<https://evil.example|Open in HubSpot> <!channel> & *so*";
    const shown = "&lt;https://evil.example|Open in HubSpot&gt; &lt;!channel&gt; &amp; *so*";
    expect(await textOf("slack", { text: "*Lead* {{ summary }}" }, { summary: evil })).toBe(`*Lead* ${shown}`);
    expect(await textOf("slack", { text: "{{ person.name }}, {{ person }}" }, {}, evil)).toBe(`${shown}, ${shown}`);
    expect(await textOf("slack", { text: "{% echo summary %}{% cycle summary %}" }, { summary: evil })).toBe(shown + shown);
  });

  test.each(["teams", "discord"] as const)("%s: a caller's link is no link, in the summary or in a name", async (to) => {
    const evil = "[Open](https://evil.example) **so**";
    const shown = to === "teams" ? "\\[Open\\](https://evil.example) \\*\\*so\\*\\*" : "\\[Open\\](https\\://evil.example) \\*\\*so\\*\\*";
    expect(await textOf(to, { text: "**Lead** {{ summary }}" }, { summary: evil })).toBe(`**Lead** ${shown}`);
    expect(await textOf(to, { text: "[Lead]{{ summary }}" }, { summary: "(https://evil.example)" })).not.toContain("](");
    expect(await textOf(to, { text: "_{{ person.name }}_" }, {}, evil)).toBe(`_${shown}_`);
    expect(await textOf(to, { text: "{{ metadata.list }}" }, { metadata: { list: [evil, evil] } })).toBe(shown + shown);
    expect(await textOf(to, { text: "{{ summary }}" }, { summary: "<at>Dana</at> \\<at>" })).not.toMatch(/(^|[^\\])(\\\\)*<\/?at/);
  });

  test("the author's own link to the record works, whatever stands in its address or its label", async () => {
    const slack = await textOf("slack", { text: "<{{ record_url }}|Open {{ person.name }}>" }, {}, "A & B <x>");
    expect(slack).toBe("<https://crm.example/a_b/(1)?x=1&amp;y=_2_|Open A &amp; B &lt;x&gt;>");
    for (const to of ["teams", "discord"] as const) {
      const text = await textOf(to, { text: "[Open {{ person.name }}]({{ record_url }})" }, {}, "A_B](https://evil.example)");
      expect(text).toMatch(/^\[Open A\\_B\\\]\\?\(https\\?:\/\/evil\.example\\?\)\]\(https:\/\/crm\.example\/a_b\/%281%29\?x=1&y=_2_\)$/);
    }
  });

  test("no filter undoes it, and none does it twice", async () => {
    const summary = "<a> & 'b'";
    const shown = "&lt;a&gt; &amp; 'b'";
    for (const filters of ["escape", "escape_once", "xml_escape", "raw", "escape | raw", "escape | truncate: 50", "upcase | downcase"]) {
      expect(await textOf("slack", { text: `{{ summary | ${filters} }}` }, { summary }), filters).toBe(shown);
    }
    expect(await textOf("slack", { text: "{{ summary | truncate: 6 }}" }, { summary })).toBe("&lt;a&gt;...");
    expect(await textOf("slack", { text: "{% if summary == '<a>' %}same{% endif %}" }, { summary: "<a>" })).toBe("same");
  });

  test("mark-up that the author gathers with capture stays, and the values in it are escaped once", async () => {
    const template = "{% capture lead %}*{{ agent_name }}* <{{ record_url }}|{{ person.name }}>{% endcapture %}{{ lead }} {{ summary }}";
    expect(await textOf("slack", { text: template }, { summary: "<https://evil.example>" }, "A & B")).toBe(
      "*Sales line* <https://crm.example/a_b/(1)?x=1&amp;y=_2_|A &amp; B> &lt;https://evil.example&gt;",
    );
  });

  test("what is no mark-up is left as it is: a channel's id, a plain title, numbers", async () => {
    const own = { channel: "{{ metadata.channel }}", text: "{{ duration_seconds }} {{ customer_number }}" };
    expect(await sent("slack", own, { metadata: { channel: "C0123456780" } })).toEqual({ channel: "C0123456780", text: "60 +14155550100" });
    const { title, plain } = await sent("teams", { title: "Call of {{ person.name }}", text: "x" }, {}, "A_B");
    expect([title, plain]).toEqual(["Call of A_B", "Call of A_B"]);
  });
});
