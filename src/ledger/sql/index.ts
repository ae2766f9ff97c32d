/** The statements that both engines run, in the SQL that both speak; `Dialect` has what they say differently. */
import type { ClaimLedger } from "../claims.ts";
import type { Ledger } from "../ledger.ts";
import type { ViewLedger } from "../views.ts";
import { actionQueries } from "./actions.ts";
import { dueQueries } from "./answers.ts";
import { controlQueries } from "./controls.ts";
import { deadLetterQueries } from "./dead-letters.ts";
import { erasureQueries } from "./erasure.ts";
import { logBindingQueries } from "./log-binding.ts";
import { lossQueries } from "./losses.ts";
import { receiptQueries } from "./receipts.ts";
import { replayQueries } from "./replays.ts";
import { routeQueries } from "./routes.ts";
import { routesFileQueries } from "./routes-files.ts";
import type { Sql } from "./sql.ts";
import { viewQueries } from "./views.ts";
import { workerQueries } from "./workers.ts";

/** All of a ledger but its claims and settlements, and what only one engine has. */
export function sharedQueries(
  sql: Sql,
  fingerprint: ViewLedger["fingerprint"],
): Omit<Ledger, "name" | "engine" | "file" | "check" | "close" | "scrub" | Exclude<keyof ClaimLedger, "nextDueInMs">> {
  return {
    ...dueQueries(sql),
    ...controlQueries(sql),
    ...routeQueries(sql),
    ...receiptQueries(sql),
    ...workerQueries(sql),
    ...viewQueries(sql, fingerprint),
    ...logBindingQueries(sql),
    ...lossQueries(sql),
    ...routesFileQueries(sql),
    ...actionQueries(sql),
    ...deadLetterQueries(sql),
    ...replayQueries(sql, fingerprint),
    ...erasureQueries(sql),
  };
}
