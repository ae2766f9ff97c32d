import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { connectors } from "../../connectors/index.ts";
import { RoutesFileError } from "../../src/errors.ts";
import { createWhenCompiler } from "../../src/routes/cel/when.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { codeBlocks } from "../support/documentation.ts";

const blocks = codeBlocks().filter(({ language }) => language === "yaml");

/** A part of a file, with what a whole one has. */
const REST = {
  version: 1,
  sources: { voiceinfra: { secrets: ["${VOICEINFRA_WEBHOOK_SECRET}"] } },
  own_numbers: ["+18005551234"],
  agents: { sales: { id: "agent_abc123", name: "Sales line", direction: "outbound" } },
  destinations: {},
  routes: [],
};

describe("what the documentation shows is what check takes, without a word", () => {
  const files = blocks.filter(({ text }) => /^(routes|destinations):/m.test(text));

  test.each(files.map((one) => [`${one.page}:${one.line}`, one] as const))("%s", (_, { text }) => {
    const given = parse(text, { logLevel: "silent" }) as Record<string, unknown>;
    const whole = "version" in given ? text : stringify({ ...REST, ...given });
    const outside = "connectors" in given;
    try {
      const loaded = loadRoutes({
        path: "routes.yaml",
        text: whole,
        env: {},
        connectors,
        withoutCode: outside,
        role: { kind: "check-no-env" },
      });
      const said = loaded.warnings
        .map(({ message }) => message)
        .filter((message) => !/^experimental|no route leads to|is not checked/.test(message));
      expect(said).toEqual([]);
    } catch (error) {
      if (!(error instanceof RoutesFileError)) throw error;
      expect(error.problems.map(({ line, message, hint }) => `${line} ${message} — ${hint}`)).toEqual([]);
    }
  });

  test("there are enough of them", () => {
    expect(files.length).toBeGreaterThan(8);
  });
});

test("every condition of docs/routes.md is one, and worth no warning", () => {
  const { compile } = createWhenCompiler({
    timezone: "UTC",
    known: { agents: [{ key: "sales", id: "agent_abc123" }], sources: ["voiceinfra"] },
  });
  const shown = blocks.flatMap(({ text }) => [...text.matchAll(/^when: (.*)$/gm)].map(([, when = ""]) => when));
  expect(shown.length).toBeGreaterThan(3);
  for (const when of shown) expect(compile(when).findings, when).toEqual([]);
});
