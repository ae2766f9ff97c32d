import { expect, test } from "vitest";
import { connectors } from "../connectors/index.ts";
import { certify } from "../src/certify/certify.ts";

/** What the kit has found and nobody has mended yet. A line goes when its connector is mended; nothing else may fail. */
const KNOWN: Record<string, string[]> = {
  // A page of HTML with 200 in place of the association's answer counts as associated: the call stands on nobody.
  hubspot: ["a request that does not write goes wrong"],
  // Both are refused, and both are given up.
  salesforce: ["the same key twice in a batch"],
};

/** Every connector that ships passes the kit; kill -9 is in test/processes/certify-kill.test.ts. */
test.each(Object.values(connectors))(
  "$title loses nothing, doubles nothing, and says what happened, whatever its destination does",
  async (connector) => {
    const known = KNOWN[connector.name] ?? [];
    const { cases } = await certify({ subject: { connector, named: connector.name, cwd: process.cwd() }, kills: false });
    const found = cases
      .filter(({ name }) => !known.includes(name))
      .flatMap(({ name, problems }) => problems.map(({ kind, text }) => `${name}: ${kind}: ${text}`));
    expect(found).toEqual([]);
    // What there is to try is tried: a case that is not offered counts as nothing.
    expect(cases.filter(({ runs }) => runs > 0).length).toBeGreaterThanOrEqual(4);
  },
);
