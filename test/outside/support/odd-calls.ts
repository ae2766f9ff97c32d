import type { SharedCall } from "../../../src/connector/index.ts";
import { documentedCall } from "../../support/documented-call.ts";
import { GOLDEN_CALLS } from "../../support/golden-calls.ts";

const TEXTS: Record<string, string> = {
  "control characters": "a\u0001b\u0008c\u001bd\u007fe",
  "line ends of all kinds": "one\r\ntwo\rthree\nfour\u2028five\u2029six",
  "tabs and spaces": "  a\t\tb   c \u00a0 d \u2003 ",
  "zero-width and joiners": "a\u200bb\u200cc\u200dd\ufeffe",
  "bidi marks": "\u202eevil\u202c \u2066isolated\u2069",
  "combining marks": "Z\u0351\u036b\u0343a\u0334l\u0334g\u0334o\u0334",
  "astral letters": "𝕳𝖊𝖑𝖑𝖔 🧑🏽‍🚀 𐍈",
  "quotes and backslashes": `"double" 'single' \`back\` \\ \\" \\n`,
  ampersands: "&amp; &lt; & &#39; &copy;",
  "angle brackets": "<a><b></c> <!-- --> <?php ?> ]]>",
  "slack mentions": "<!here> <!everyone> <@U123|x> <#C1|y> <mailto:a@b.c|d>",
  "slack formatting": "*b* _i_ ~s~ `c` ```block``` > quote\n• list",
  markdown: "# h\n- [ ] task\n![img](http://e.com/x.png) [l](http://e.com) ***x*** ~~y~~",
  "markdown table": "| a | b |\n|---|---|\n| 1 | 2 |",
  templates: "{{ 7 | times: 7 }} {% raw %} ${x} #{y} <%= z %>",
  sql: "'; DROP TABLE calls; -- \" ` ;",
  "an address": "see https://example.com/a?b=c&d=e#f and http://user:pass@host/ and javascript:alert(1)",
  "a long word": "x".repeat(9_000),
  "a long text": "The customer said a lot. ".repeat(2_000),
  "many lines": "line\n".repeat(2_000),
  "many emoji": "🎉".repeat(4_000),
  "one letter": "x",
  "only spaces": "   ",
  "only a line end": "\n",
  "a number": "0012",
  "a word that JSON knows": "null",
};

const name = (of: string) => of.replaceAll(/\W+/g, "_");

/** Forty odd calls: the dozen of every day, and what a summary, a name, an id or metadata may hold. */
export const ODD_CALLS: Record<string, SharedCall> = {
  ...GOLDEN_CALLS,
  ...Object.fromEntries(
    Object.entries(TEXTS).map(([what, text]) => [
      what,
      documentedCall({ call_id: `call_${name(what)}`, summary: text, agent_name: text.slice(0, 60) }),
    ]),
  ),
  "a long call_id": documentedCall({ call_id: "x".repeat(512) }),
  "a call_id of emoji": documentedCall({ call_id: "🎉".repeat(100) }),
  "a call_id with signs": documentedCall({ call_id: "a/b#c?d=e&f%g h+i" }),
  "odd metadata of every kind": documentedCall({
    call_id: "call_metadata",
    metadata: Object.fromEntries(
      Object.entries(TEXTS).map(([what, text]) => [`${what} "`, [text.slice(0, 200), { deep: text.slice(0, 50) }]]),
    ),
  }),
  "an odd outcome": documentedCall({ call_id: "call_outcome", call_outcome: "transferred to <b>human</b>" }),
  "a call of years": documentedCall({ call_id: "call_years", duration_seconds: 999_999_999 }),
};
