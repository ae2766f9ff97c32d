import { describe, expect, test } from "vitest";
import { connectors as all } from "../../connectors/index.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { file, problems, warnings } from "./support/load.ts";

const routes = "  - { id: z, to: chat, with: { channel: C1 } }\n  - { id: a, to: crm }";
const top = (ownNumbers: string, agents: string) => `own_numbers: ${ownNumbers}\nagents: ${agents}`;
const said = (ownNumbers: string, agents: string) => warnings({ text: file(routes, { top: top(ownNumbers, agents) }) });

describe("a route to a CRM in a file that cannot tell which side of a call the customer is", () => {
  test("is a warning that says what happens then, and how to settle it", () => {
    expect(said("[]", "{ sales: { id: agent_1 } }")).toEqual([
      '13:18 warning of a call without metadata.direction nobody may know which side is the customer: own_numbers is empty — Such a call has direction "unknown", and both of its numbers are looked up. List your numbers in own_numbers, and give each agent its direction: inbound or outbound.',
    ]);
  });

  test("also while some agents have a direction, and while own_numbers may lack a line", () => {
    expect(said("[]", "{ sales: { id: agent_1, direction: inbound } }")).toEqual([expect.stringContaining("own_numbers is empty")]);
    expect(said('["+18005551234"]', "{ sales: { id: agent_1 } }")).toEqual([
      expect.stringContaining("no agent has a direction, and a line may be missing in own_numbers"),
    ]);
    expect(said('["+18005551234"]', "{}")).toEqual([expect.stringContaining("give each agent, under agents, its direction")]);
  });

  test("not where the file says it, nor where nobody is looked for", () => {
    expect(said('["+18005551234"]', "{ sales: { id: agent_1, direction: inbound }, other: { id: agent_2 } }")).toEqual([]);
    const text = file("  - { id: z, to: chat, with: { channel: C1 } }", {
      top: top("[]", "{}"),
      destinations: '  chat: { connector: chat, token: "${CHAT_TOKEN}" }\n',
    });
    expect(warnings({ text })).toEqual([]);
  });

  test.each([
    ["hubspot", 'access_token: "${TOKEN}"'],
    ["salesforce", 'login_url: "https://acme.my.salesforce.com", client_id: c, client_secret: "${TOKEN}"'],
  ])("%s is one", (connector, settings) => {
    const text = `version: 1
sources: { main: { secrets: ["\${SECRET}"] } }
destinations: { it: { connector: ${connector}, ${settings} } }
routes: [{ id: a, to: it }]
`;
    const env = { SECRET: "the-webhook-secret", TOKEN: "the-token-of-a-crm" };
    const { warnings } = loadRoutes({ path: "routes.yaml", text, env, connectors: all, role: { kind: "check" } });
    expect(warnings.map(({ line, message }) => [line, message])).toContainEqual([4, expect.stringContaining("own_numbers is empty")]);
  });
});

describe("own numbers in another form are refused with what to write, and not quoted", () => {
  test.each([
    ['"(800) 555-1234"', "this has no country"],
    ['"800 555 1234"', "this has no country"],
    ['"030 23125105"', "this has no country"],
    ['"0800 12"', "this has no country"],
    ['"+1 800 555 1234"', "without spaces, brackets and dashes"],
    ['"+1-800-555-1234"', "without spaces, brackets and dashes"],
    ['"+49 (0)30 23125105"', "without the 0 in brackets"],
    ['"0049 30 23125105"', "+ in place of 00"],
    ['"011 49 30 23125105"', "+ in place of 011"],
    ['"18005551234"', "it begins with +"],
    ['"+049 30 23125105"', "a country's code does not begin with 0"],
    ['"+1800"', "it has 7 to 15 digits"],
    ['"+180055512341234567"', "it has 7 to 15 digits"],
    ['"sales line"', "without spaces"],
  ])("%s", (number, says) => {
    const found = problems({ text: file(routes, { top: `own_numbers: [${number}]` }) });
    expect(found).toEqual([
      expect.stringMatching(/^4:15 item 1 of "own_numbers" must be a phone number in international form, such as \+18005551234/),
    ]);
    expect(found[0]).toContain(says);
  });

  test("of which nothing is quoted: messages go to logs", () => {
    expect(problems({ text: file(routes, { top: 'own_numbers: ["(415) 555-0199"]' }) }).join()).not.toMatch(/415|0199/);
  });

  test("a number without quotes is a number to YAML", () => {
    expect(problems({ text: file(routes, { top: "own_numbers: [18005551234]" }) })).toEqual([
      '4:15 item 1 of "own_numbers" must be a phone number in international form, such as +18005551234: it begins with + — Then put it in quotes: it is a text.',
    ]);
    expect(problems({ text: file(routes, { top: "own_numbers: [+18005551234]" }) })).toEqual([
      '4:15 item 1 of "own_numbers" must be text, not a number — Put it in quotes.',
    ]);
  });

  test("one with a digit too few is a warning", () => {
    expect(warnings({ text: file(routes, { top: 'own_numbers: ["+1800555123"]' }) })).toEqual([
      "4:15 warning no phone number of its country has so many digits — Is one missing, or too many?",
    ]);
  });
});
