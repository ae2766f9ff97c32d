import { describeLedger } from "../ledger.contract.ts";
import { createMemoryLedger, createStore } from "./ledger.ts";

const store = createStore();
describeLedger({ name: "the simulation", open: async () => createMemoryLedger({ store, nowMs: Date.now }), remove: async () => undefined });
