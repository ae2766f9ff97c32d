import { afterAll, beforeAll, expect, test } from "vitest";
import type { Connector } from "../../../src/connector/index.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { Log } from "../../../src/log/log.ts";
import { until } from "../../../test/contracts/log.contract.ts";
import { testDestination } from "../../../test/delivery/destination.ts";
import { createBench, held } from "../../../test/delivery/running-routes.ts";
import { sqliteHarness } from "../../../test/delivery/sqlite-harness.ts";
import { setUp } from "../../../test/support/hubspot.ts";
import { hubspot } from "../index.ts";
import { SANDBOX_TOKEN } from "../sandbox/index.ts";

const harness = sqliteHarness();
let [log, ledger]: [Log?, Ledger?] = [];
beforeAll(async () => {
  [log, ledger] = await Promise.all([harness.openLog(), harness.openLedger()]);
});
afterAll(async () => {
  await Promise.all([log?.close(), ledger?.close()]);
  await harness.remove();
});
const bench = createBench(() => ({ log: log as Log, ledger: ledger as Ledger }));

test("a rule that an administrator makes loses no call, holds back only those that it concerns, and lets them go by itself when it is gone", async () => {
  const rules = [{ property: "hs_call_disposition" }];
  const { url, sandbox } = await setUp({ requiredOfCalls: rules });
  const { start, states } = bench.setUp({
    destination: testDestination(),
    others: { hubspot: hubspot as unknown as Connector },
    destinations: `  there: { connector: hubspot, base_url: "${url}", access_token: "${SANDBOX_TOKEN}" }`,
    routes: "  - { id: '{id}', to: there, share: [numbers] }",
  });
  const running = await start();
  await held(running);
  for (let n = 0; n < 12; n += 1) await bench.accept(`call-${n + 10}`, n % 3 === 0 ? { call_outcome: "voicemail" } : {});
  const settledWell = async () => (await states()).filter((state) => state.endsWith(" delivered")).length;
  await until(async () => (await settledWell()) === 8);
  await until(async () => running.workers.some((worker) => /requires hs_call_disposition/.test(worker.status().cause ?? "")));
  expect((await states()).filter((state) => state.endsWith(" dead"))).toEqual([]);
  rules.length = 0;
  await until(async () => (await settledWell()) === 12);
  expect(await sandbox.records()).toHaveLength(12);
}, 60_000);
