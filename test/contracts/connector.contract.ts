import { beforeAll, describe, expect, test } from "vitest";
import { planCases } from "../../src/certify/certify.ts";
import type { CaseResult } from "../../src/certify/report.ts";
import type { Connector } from "../../src/connector/index.ts";

/** The promises of `src/connector`, as `patchbay certify` checks them: each case is a test. kill -9 is in test/processes/certify-kill.test.ts. */
export async function describeConnector(connector: Connector): Promise<void> {
  const cases = await planCases({ subject: { connector, named: connector.name, cwd: process.cwd() }, kills: false });

  describe(`the connector ${connector.name}`, () => {
    let results: Map<string, Promise<CaseResult>>;
    // Most of a case is waiting: all run beside each other.
    beforeAll(() => {
      results = new Map(cases.map(({ name, run }) => [name, run()]));
    });

    test.each(cases)("$name", { timeout: 120_000 }, async ({ name }) => {
      const { problems = [] } = (await results.get(name)) ?? {};
      expect(problems.map(({ kind, text }) => `${kind}: ${text}`)).toEqual([]);
    });

    test("what there is to try is tried: a case that is not offered counts as nothing", async () => {
      const runs = (await Promise.all(results.values())).filter((one) => one.runs > 0);
      expect(runs.length).toBeGreaterThanOrEqual(3);
    });
  });
}
