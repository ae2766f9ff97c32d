import { expect, test } from "vitest";
import { connectors } from "../../connectors/index.ts";
import { loadRoutes } from "../../src/routes/index.ts";

const text = (settings: string) => `version: 1
sources:
  main: { secrets: ["\${SECRET}"] }
destinations:
  rows: { connector: warehouse, ${settings} }
routes:
  - { id: every-call, to: rows }
`;
const warnings = (settings: string, env: Record<string, string> = {}) =>
  loadRoutes({ path: "routes.yaml", text: text(settings), env: { SECRET: "x", ...env }, connectors, role: { kind: "check" } }).warnings;

test("a destination that was never run against the real service is a warning, at its line", () => {
  const [warning, ...more] = warnings("url: bigquery://acme-calls/voice");
  expect(more).toEqual([]);
  expect(warning).toMatchObject({ line: 5, message: expect.stringMatching(/^experimental: .* never yet run against the real service/) });
});

test("it is told also where the address comes from a variable, and never for the others", () => {
  expect(warnings('url: "${WAREHOUSE}"', { WAREHOUSE: "bigquery://acme-calls/voice" })).toHaveLength(1);
  expect(warnings('url: "${WAREHOUSE}"', { WAREHOUSE: "postgres://me:x@db/calls" })).toEqual([]);
});
