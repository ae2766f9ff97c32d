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
    expect(load(`url: "${url}"`)).toMatchObject({ warnings: [], copy: { isWhole: true } });
  }
  const withPassword = load('url: "postgres://me:hunter2@localhost/calls"');
  expect(withPassword.warnings).toMatchObject([{ message: '"url" is written out in the file' }]);
  expect(withPassword.copy.isWhole).toBe(false);
  expect(withPassword.text).not.toContain("hunter2");
});

test("a webhook to a literal address that each delivery would be refused at is a warning, whatever stands for http", () => {
  const hook = (settings: string) =>
    text(settings).replace("connector: warehouse", `connector: webhook, secret: "whsec_${"A".repeat(32)}"`);
  const said = (settings: string) =>
    loadRoutes({ path: "routes.yaml", text: hook(settings), env: { SECRET: "the-webhook-secret" }, connectors, role: { kind: "check" } })
      .warnings.map(({ message }) => message)
      .filter((message) => message.startsWith("the address"));
  const refused = "the address is one of a private network: it is asked only with allow_private: true, and no call would be delivered";
  expect(said('url: "http://10.0.0.5/x", allow_http: true')).toEqual([refused]);
  expect(said('url: "https://[::1]/x"')).toEqual([refused]);
  expect(said('url: "https://169.254.169.254/x", allow_private: true')).toEqual([expect.stringContaining("it is asked never")]);
  expect(said('url: "http://10.0.0.5/x", allow_http: true, allow_private: true')).toEqual([]);
  expect(said('url: "https://hooks.example.com/x"')).toEqual([]);
});
