import { describe, expect, test } from "vitest";
import { connectors as all } from "../../connectors/index.ts";
import { RoutesFileError } from "../../src/errors.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { file, load, problems } from "./support/load.ts";

const chat = "  - { id: z, to: chat, with: { channel: C1 } }";

/** The mistakes of the first hour with the product, and what is said to each: the thing itself, so that doing it ends the matter. */
describe("a hint leads to a file that is right", () => {
  test("wait: 60 wants its unit", () => {
    const routes = (wait: string) =>
      `  - id: a\n    to: chat\n    with: { channel: C1 }\n    after: { route: b, wait: ${wait} }\n  - { id: b, to: crm }`;
    expect(problems({ text: file(routes("60")) })).toEqual([
      '14:30 "wait" must be a time such as 90s, 15m, 24h or 14d — Say which unit: 60s.',
    ]);
    expect(problems({ text: file(routes("60")), role: { kind: "check-no-env" } })).toHaveLength(1);
    expect(load({ text: file(routes("60s")) }).routes).toHaveLength(2);
    expect(problems({ text: `${file(chat)}\nretention: { log: 14 }` })).toEqual([expect.stringContaining("Say which unit: 14s.")]);
  });

  test("a text that looks like a number or a word of YAML wants quotes, and then is right", () => {
    const text = (value: string) => file(`  - { id: a, to: crm, with: { fields: { x: ${value} } } }\n${chat}`);
    for (const value of ["1", "0123", "1.50", "true", "1e3", "0x1F"]) {
      expect(problems({ text: text(value) })).toEqual([expect.stringMatching(/^11:44 "x" must be text, not .* — Put it in quotes\.$/)]);
      expect(load({ text: text(`"${value}"`) }).routes).toHaveLength(2);
    }
  });

  test("# begins a comment", () => {
    const route = file("  - id: a\n    to: chat\n    with:\n      channel: #support\n  - { id: b, to: crm }");
    expect(problems({ text: route })).toEqual([
      '14:16 "channel" must be text, not empty — "#" begins a comment in YAML; a text that begins with it needs quotes. And here it must be a channel id such as C0123456789.',
    ]);
  });

  test("one line that is indented otherwise is one mistake, whichever line it is", () => {
    const lines = file(`  - id: a\n    to: crm\n    when: test\n    with:\n      title: x\n      fields:\n        y: z\n${chat}`).split(
      "\n",
    );
    for (const [index, line] of lines.entries()) {
      for (const [change, slipped] of [
        [1, ` ${line}`],
        [3, `   ${line}`],
        [-1, line.replace(/^ /, "")],
      ] as const) {
        const text = lines.with(index, slipped).join("\n");
        if (slipped === line) continue;
        let found: string[];
        try {
          load({ text });
          // One line of a group alone may begin anywhere.
          continue;
        } catch (error) {
          if (!(error instanceof RoutesFileError)) throw error;
          found = error.problems.map(({ line: at, message }) => `${at} ${message}`);
        }
        expect(found, `line ${index + 1} by ${change}:\n${text}`).toEqual([
          expect.stringMatching(
            new RegExp(`^${index + 1} (this line is (indented too far|not indented far enough)|".*" is indented: it stands inside)`),
          ),
        ]);
      }
    }
  });

  test("a whole field that stands inside of another, or an entry outside of it, is one mistake", () => {
    const text = file(chat);
    const inside = text.replace("\ndestinations:", "\n  destinations:").replace(/agents: \{ (.*) \}/, "agents:\n  $1");
    expect(problems({ text: inside })).toEqual([
      '8:3 "destinations" is indented: it stands inside "agents" — A field of the whole file begins in column 1.',
    ]);
    expect(problems({ text: text.replace("  main: { secrets", "main: { secrets") })).toEqual([
      '3:1 "main" is not indented: it seems to belong to "sources" — Indent it by two spaces, with all that belongs to it.',
    ]);
  });

  test("an unset secret is not offered a default; another setting is", () => {
    const destinations = '  crm: { connector: crm, token: "${A}", region: "${B}" }\n  chat: { connector: chat, token: "${CHAT_TOKEN}" }';
    expect(problems({ text: file(`  - { id: a, to: crm }\n${chat}`, { destinations }) })).toEqual([
      "8:34 the variable A is not set — Set it in the environment or as A=… in .env.",
      "8:50 the variable B is not set — Set it in the environment or as B=… in .env, or give a default: ${B:-default}.",
    ]);
  });
});

describe("with the real connectors", () => {
  const real = (destination: string, route: string) => {
    const text = `version: 1
sources: { main: { secrets: ["\${SECRET}"] } }
destinations:
  it: ${destination}
routes:
  - id: a
    to: it
    ${route}
`;
    try {
      const env = { SECRET: "the-webhook-secret", TOKEN: "xoxb-a-token-of-slack" };
      const { warnings } = loadRoutes({ path: "routes.yaml", text, env, connectors: all, role: { kind: "check" } });
      return warnings.map(({ line, column, message, hint }) => `${line}:${column} ${message} — ${hint}`);
    } catch (error) {
      if (!(error instanceof RoutesFileError)) throw error;
      return error.problems.map(({ line, column, message, hint }) => `${line}:${column} ${message} — ${hint}`);
    }
  };

  test("recordings: yes is text in YAML 1.2", () => {
    expect(real('{ connector: archive, url: "file:out", recordings: yes }', "share: [numbers]")).toEqual([
      '4:58 "recordings" must be true or false, not text — Write true: yes and no are plain text in YAML 1.2.',
    ]);
    expect(real('{ connector: archive, url: "file:out", recordings: "False" }', "share: [numbers]")).toEqual([
      '4:58 "recordings" must be true or false, not text — Write false, in small letters and without quotes.',
    ]);
  });

  test("channel: #support wants an id", () => {
    expect(real('{ connector: slack, token: "${TOKEN}" }', "with: { text: x, channel: #support\n      }")[0]).toContain(
      "such as C0123456789",
    );
  });

  test("token: $SLACK_BOT_TOKEN is the name of a variable without its braces", () => {
    expect(real('{ connector: slack, token: "$SLACK_BOT_TOKEN" }', "with: { channel: C0123456789 }")).toEqual([
      '4:34 "token" is written out in the file — Files are copied and committed. Use a variable, ${NAME}, or ${file:/path}.',
      '4:35 this is taken as it stands: it is no variable — Write ${NAME}; a value that begins with a dollar sign is written with "$$".',
    ]);
  });
});

describe("how other languages write a condition", () => {
  test.each([
    ["summary.toLowerCase() == 'x'", 'unknown function "toLowerCase" — Write summary.lowerAscii().'],
    [
      "'summary LIKE \"%x%\"'",
      '"LIKE" is not known here — To look inside a text: summary.contains("refund"), or summary.matches("refund|complaint").',
    ],
    ["'summary contains \"x\"'", '"contains" is not known here — It stands behind the text: summary.contains("refund").'],
    ["'contains(summary, \"x\")'", "contains() cannot be used like this — It stands behind what it is asked of: summary.contains(…)."],
    ["'agent IN [\"sales\"]'", '"IN" is not known here — It is written in small letters: agent in ["sales", "support"].'],
    ["'agent === \"sales\"'", '"===" is not known here — Write == to compare.'],
    ["'agent <> \"sales\"'", '"<>" is not known here — Write != to compare.'],
    ["'agent is \"sales\"'", '"is" is not known here — Write == to compare.'],
    ["'agent == “sales”'", '"“" is not known here — Texts stand in straight quotes.'],
    ["len(summary) > 3", 'unknown function "len" — Write size(summary).'],
    ["summary.length > 3", "text has no fields — Write size(summary)."],
    ["now() > start_time", 'unknown function "now" — Write start_time, the time of the call: a condition asks the call, not the clock.'],
    ["start_time.getDay() == 1", 'unknown function "getDay" — Write start_time.getDayOfWeek(), with 0 for Sunday.'],
    [
      "duration_seconds between 3 and 4",
      '"between" is not known here — Write both ends: duration_seconds >= 30 && duration_seconds <= 60.',
    ],
    ["if test then true", '"if" is not known here — A condition is one expression; a choice in it is written a ? b : c.'],
  ])("%s", (when, expected) => {
    expect(problems({ text: file(`  - id: a\n    to: crm\n    when: ${when}`) })).toEqual([expect.stringContaining(expected)]);
  });
});
