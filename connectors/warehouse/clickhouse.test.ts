import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { OpenError } from "../../src/connector/index.ts";
import { openWarehouse } from "../../test/contracts/warehouse.contract.ts";

/** What the real engine does is in test/engines/warehouse.clickhouse.test.ts; here is what it cannot be made to answer. */
async function openAgainst(status: number, headers: Record<string, string>, body: string): Promise<{ outcome: unknown; requests: number }> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume();
    response.writeHead(status, { "content-type": "text/plain", ...headers }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `clickhouse://me:secret@127.0.0.1:${(server.address() as AddressInfo).port}/voice`;
  const error = await openWarehouse({ url }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(OpenError);
  return { outcome: (error as OpenError).outcome, requests };
}

test.each([
  [159, "TIMEOUT_EXCEEDED", { kind: "retry", because: "down" }],
  [202, "TOO_MANY_SIMULTANEOUS_QUERIES", { kind: "retry", because: "rate-limit", retryAfterMs: 10_000 }],
  [252, "TOO_MANY_PARTS", { kind: "retry", because: "rate-limit" }],
  [241, "MEMORY_LIMIT_EXCEEDED", { kind: "retry", because: "down" }],
  [242, "TABLE_IS_READ_ONLY", { kind: "retry", because: "down" }],
  [999, "KEEPER_EXCEPTION", { kind: "retry", because: "down" }],
  [164, "READONLY", { kind: "needs-fix", fix: expect.stringContaining("read-only") }],
  [497, "ACCESS_DENIED", { kind: "needs-fix", fix: expect.stringContaining("GRANT") }],
  [516, "AUTHENTICATION_FAILED", { kind: "needs-fix", fix: expect.stringContaining("password") }],
  [60, "UNKNOWN_TABLE", { kind: "needs-fix" }],
  [49, "LOGICAL_ERROR", { kind: "retry", because: "server" }],
])("code %i, %s, is told apart; it is asked once, and its message goes nowhere", async (code, name, expected) => {
  const body = `Code: ${code}. DB::Exception: about +14155550100. (${name}) (version 26.7.2.1 (official build))`;
  const { outcome, requests } = await openAgainst(code === 516 ? 403 : 500, { "x-clickhouse-exception-code": String(code) }, body);
  expect(outcome).toMatchObject({ code: String(code), ...expected });
  expect(JSON.stringify(outcome)).not.toContain("1415555");
  expect(requests).toBe(1);
});

test("a page of a proxy is no answer of ClickHouse's, and goes nowhere", async () => {
  const { outcome } = await openAgainst(502, { "content-type": "text/html" }, "<h1>about +14155550100</h1>");
  expect(outcome).toMatchObject({ kind: "retry", because: "server", code: "unknown_answer" });
  expect(JSON.stringify(outcome)).not.toContain("1415555");
});
