import { describeLedger } from "../contracts/ledger.contract.ts";
import { describeLedgerAfter } from "../contracts/ledger-after.contract.ts";
import { describeLedgerLog, describeLedgerVersions } from "../contracts/ledger-versions.contract.ts";
import { createSimulatedLedger, createStore } from "./ledger.ts";

function harness() {
  const store = createStore();
  return { name: "the simulation", open: async () => createSimulatedLedger({ store, nowMs: Date.now }), remove: async () => undefined };
}

describeLedger(harness());
describeLedgerAfter(harness());
describeLedgerVersions(harness());
describeLedgerLog(harness());
