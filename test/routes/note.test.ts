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
  loadRoutes({
    path: "routes.yaml",
    text: text(settings),
    env: { SECRET: "the-webhook-secret", ...env },
    connectors,
    role: { kind: "check" },
  }).warnings;

test("a destination that was never run against the real service is a warning, at its line", () => {
  const [warning, ...more] = warnings("url: bigquery://acme-calls/voice");
  expect(more).toEqual([]);
  expect(warning).toMatchObject({ line: 5, message: expect.stringMatching(/^experimental: .* never yet run against the real service/) });
});

test("it is told also where the address comes from a variable, and never for the others", () => {
  expect(warnings('url: "${WAREHOUSE}"', { WAREHOUSE: "bigquery://acme-calls/voice" })).toHaveLength(1);
  expect(warnings('url: "${WAREHOUSE}"', { WAREHOUSE: "postgres://me:x@db/calls?sslmode=require" })).toEqual([]);
});

test("an address without a password in it is no secret: no warning, and the file may be kept for a restart", () => {
  const load = (settings: string) =>
    loadRoutes({ path: "routes.yaml", text: text(settings), env: { SECRET: "the-webhook-secret" }, connectors, role: { kind: "check" } });
  for (const url of ["duckdb:data/warehouse.duckdb", "parquet:data/calls", "postgres://localhost/calls"]) {
    expect(load(`url: "${url}"`)).toMatchObject({ warnings: [], keepable: true });
  }
  const withPassword = load('url: "postgres://me:hunter2@localhost/calls"');
  expect(withPassword.warnings).toMatchObject([{ message: '"url" is written out in the file' }]);
  expect(withPassword.keepable).toBe(false);
  expect(withPassword.text).not.toContain("hunter2");
});
