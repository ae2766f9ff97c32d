import { describe, expect, onTestFinished, test } from "vitest";
import { connectors } from "../../connectors/index.ts";
import { certify } from "../../src/certify/certify.ts";
import type { ConnectorUnderTest } from "../../src/certify/connector-under-test.ts";
import type { BadFault } from "../support/bad-connector/faults.ts";
import { badConnector } from "../support/bad-connector/index.ts";

const KILL = "kill -9 at each step";

async function killed(subject: ConnectorUnderTest) {
  const { cases } = await certify({ subject, kills: true, only: [KILL] });
  if (cases.length === 0) throw new Error("the case is not there");
  return { problems: cases.flatMap((one) => one.problems), runs: Math.min(...cases.map(({ runs }) => runs)) };
}

test.each(Object.values(connectors))(
  "$title: killed at any step of a delivery, its next process makes one record of it",
  async (connector) => {
    const { runs, problems } = await killed({ connector, named: connector.name, cwd: process.cwd() });
    expect(problems).toEqual([]);
    expect(runs).toBeGreaterThanOrEqual(3);
  },
);

describe("a connector with one fault, in processes that are killed", () => {
  function subjectWith(fault: BadFault): ConnectorUnderTest {
    process.env.BAD_CONNECTOR = fault;
    onTestFinished(() => {
      delete process.env.BAD_CONNECTOR;
    });
    return { connector: badConnector(fault), named: "./test/support/bad-connector/index.ts", cwd: process.cwd() };
  }

  test.each<BadFault>(["none", "none, without protection"])(
    "%s: it passes, also as a file that is no part of the product",
    async (fault) => {
      expect((await killed(subjectWith(fault))).problems).toEqual([]);
    },
  );

  test("one that creates instead of upserting doubles what was carried out before the kill, and nothing else", async () => {
    const { problems } = await killed(subjectWith("creates instead of upserting"));
    expect(problems.map(({ kind, text }) => `${kind}: ${text.split(":")[0]}`)).toEqual([
      "doubled: killed at request 2, before its answer",
      "doubled: killed at request 2, after its answer",
    ]);
  });

  test("one that prints the call is heard", async () => {
    expect((await killed(subjectWith("prints the call"))).problems.map(({ kind }) => kind)).toContain("leaked");
  });
});
