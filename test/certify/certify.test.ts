import { expect, test } from "vitest";
import { connectors } from "../../connectors/index.ts";
import { certify } from "../../src/certify/certify.ts";

/** Every connector that ships passes the kit; kill -9 is in test/processes/certify-kill.test.ts. */
test.each(Object.values(connectors))(
  "$title loses nothing, doubles nothing, and says what happened, whatever its destination does",
  async (connector) => {
    const { cases } = await certify({ subject: { connector, named: connector.name, cwd: process.cwd() }, kills: false });
    const found = cases.flatMap(({ name, problems }) => problems.map(({ kind, text }) => `${name}: ${kind}: ${text}`));
    expect(found).toEqual([]);
    // What there is to try is tried: a case that is not offered counts as nothing.
    expect(cases.filter(({ runs }) => runs > 0).length).toBeGreaterThanOrEqual(3);
  },
);
