/**
 * The ledger: the durable memory of deliveries, and how processes know of each other.
 * Two engines keep this contract, `src/ledger/sqlite` and `src/ledger/postgres`; `test/contracts` has its suites. The parts are in files beside
 * this one, and a function takes those that it uses; `sql/` has the statements that both engines run.
 *
 * Rules every engine keeps:
 * - A delivery is one row per (route, source, call_id). Who may attempt it is decided by one statement per batch.
 * - All spans are counted on the database's clock; callers pass durations, never points in time of their own.
 * - What a call says (numbers, transcript, summary) stands in `body` only, and `body` only while waiting or dead.
 * - When a method resolves, what it did is durable.
 * - What a person changes and the action that says so are one transaction.
 */

import type { StoreFile } from "../lib/sqlite/copy.ts";
import type { ActionLedger } from "./actions.ts";
import type { ClaimLedger } from "./claims.ts";
import type { ControlLedger } from "./controls.ts";
import type { LogBindingLedger } from "./log-binding.ts";
import type { LossLedger } from "./losses.ts";
import type { DeadLetterLedger, ErasureLedger, ReplayLedger } from "./operations.ts";
import type { ReceiptLedger } from "./receipts.ts";
import type { RouteLedger } from "./routes.ts";
import type { RoutesFileLedger } from "./routes-files.ts";
import type { ViewLedger } from "./views.ts";
import type { WorkerLedger } from "./workers.ts";

export type { Person, Receipt } from "../model/receipt.ts";
export type * from "./claims.ts";
export type * from "./types.ts";
export type * from "./views.ts";
export type * from "./workers.ts";

/** For processes that open it; all others take the parts that they use. */
export interface Ledger
  extends ClaimLedger,
    ControlLedger,
    RouteLedger,
    ReceiptLedger,
    WorkerLedger,
    ViewLedger,
    LogBindingLedger,
    LossLedger,
    RoutesFileLedger,
    ActionLedger,
    DeadLetterLedger,
    ReplayLedger,
    ErasureLedger {
  /** For people, without credentials. */
  readonly name: string;
  readonly engine: "sqlite" | "postgres";
  /** Absent where the ledger is no file. */
  readonly file?: StoreFile;
  /** @throws {UnreachableError} */
  check(): Promise<void>;
  close(): Promise<void>;
}
