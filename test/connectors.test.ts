import { expect, test } from "vitest";
import { connectors } from "../connectors/index.ts";
import type { Connector } from "../src/connector.ts";
import { type ConnectorHarness, describeConnector } from "./connector.contract.ts";

const harnesses: Record<string, Omit<ConnectorHarness, "connector">> = {
  hubspot: { with: {}, credential: "access_token", address: "base_url" },
  salesforce: { with: {}, credential: "client_secret", address: "login_url" },
  slack: { with: { channel: "C0123456789" }, credential: "token", address: "base_url" },
  warehouse: { with: {} },
};

test("every connector that ships is held to the contract", () => {
  expect(Object.keys(harnesses).sort()).toEqual(Object.keys(connectors).sort());
});

for (const [name, harness] of Object.entries(harnesses)) describeConnector({ ...harness, connector: connectors[name] as Connector });
