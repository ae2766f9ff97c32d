import { expect, test } from "vitest";
import { connectors } from "../../connectors/index.ts";
import { loadRoutes } from "../../src/routes/index.ts";

test("the example is accepted by the real connectors, without a warning", () => {
  const loaded = loadRoutes({ path: "routes.yaml", env: {}, connectors, role: { kind: "check-no-env" } });
  expect(loaded.warnings).toEqual([]);
  expect(loaded.routes.map(({ id, to }) => [id, to.connector.name])).toEqual([
    ["log-in-hubspot", "hubspot"],
    ["log-in-salesforce", "salesforce"],
    ["sales-channel", "slack"],
    ["every-call", "warehouse"],
  ]);
});
