import { inject, test } from "vitest";
import { describePostgresOwnWays, describePostgresWarehouse } from "../contracts/postgres-warehouse.contract.ts";

const postgres = inject("postgres");

if ("missing" in postgres) {
  test.skip(`PostgreSQL as a warehouse: SKIPPED, ${postgres.missing}`);
} else {
  const server = { name: "PostgreSQL", url: () => postgres.url };
  describePostgresWarehouse(server);
  describePostgresOwnWays(server);
}
