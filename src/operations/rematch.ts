/** Logs a call on the person that an operator chose, where it is logged on nobody or on the wrong one. */
import { OpenError, outcomeOfNetworkError, RematchError } from "../connector/index.ts";
import { idempotencyKey } from "../delivery/pipeline/idempotency-key.ts";
import { UnreachableError, UsageError } from "../errors.ts";
import type { ReceiptLedger } from "../ledger/receipts.ts";
import type { DeliveryRow, ViewLedger } from "../ledger/views.ts";
import type { Clock } from "../lib/time/clock.ts";
import type { Receipt } from "../model/receipt.ts";
import type { Route } from "../route.ts";

/** A late summary may be under way at the same time: its receipt is then changed as well. */
const TRIES = 5;
const TRY_AGAIN_MS = 1_000;

/** Whether the destination logs calls on people: its routes have a `match`. */
const matchesPeople = ({ to }: Route) => "match" in to.connector.with.shape;

/**
 * The delivery to change: the one that has looked for a person, else the one at a destination that logs calls on people. `named`: the rows are of a
 * route that was named. Undefined when there is none.
 * @throws {UsageError} where several are, naming them.
 */
export function chooseDelivery(options: { rows: DeliveryRow[]; routes: Route[]; named: boolean }): DeliveryRow | undefined {
  const { rows, routes, named } = options;
  if (named) return theOne(rows);
  const looked = rows.filter(({ receipt }) => receipt?.person !== undefined || receipt?.found !== undefined);
  const crm = new Set(routes.filter(matchesPeople).map(({ id }) => id));
  return theOne(looked.length > 0 ? looked : rows.filter(({ route }) => crm.has(route)));
}

function theOne(rows: DeliveryRow[]): DeliveryRow | undefined {
  for (const [what, option] of [
    ["routes", "route"],
    ["sources", "source"],
  ] as const) {
    const among = [...new Set(rows.map((row) => row[option]))].sort();
    if (among.length < 2) continue;
    throw new UsageError(`several ${what} have this call: ${among.join(", ")}`, { hint: `Say which one: --${option} ${among[0]}.` });
  }
  return rows[0];
}

/**
 * Resolves with the new receipt once the ledger has it too, or with the reason for people why it cannot be done.
 * @throws {UsageError} where the destination matches nobody, or refuses us; {UnreachableError} where it does not answer.
 */
export async function rematchDelivery(options: {
  row: DeliveryRow;
  route: Route;
  /** The destination's id of the person's record. */
  to: string;
  timezone: string;
  by: string;
  ledger: Pick<ViewLedger, "deliveries"> & Pick<ReceiptLedger, "amendReceipt">;
  clock: Pick<Clock, "sleep">;
}): Promise<{ receipt: Receipt } | { refused: string }> {
  const { row, route, to, timezone, by, ledger, clock } = options;
  const { connector, settings, timeoutMs } = route.to;
  const key = idempotencyKey(route, { source: row.source, call_id: row.callId });

  async function receiptNow(): Promise<Receipt | undefined> {
    const rows = await ledger.deliveries({ callId: row.callId, route: row.route, state: "delivered", limit: 100 });
    return rows.find(({ source }) => source === row.source)?.receipt;
  }

  let open: Awaited<ReturnType<typeof connector.open>> | undefined;
  try {
    open = await connector.open({ settings: settings(), timezone, timeoutMs });
    if (!open.rematch) throw new UsageError(`${connector.title} logs calls on nobody: there is nothing to put right on ${route.id}`);
    for (let tries = 0; tries < TRIES; tries += 1) {
      if (tries > 0) await clock.sleep(TRY_AGAIN_MS);
      const from = await receiptNow();
      if (!from) continue;
      const made = await open.rematch({ key, receipt: from, to }, { signal: AbortSignal.timeout(timeoutMs) });
      // A person has decided, however many were found.
      const receipt = { ...made, found: 1 };
      const action = { by, route: row.route, action: "rematch", detail: `${row.callId} to ${receipt.person?.id ?? to}` };
      if (await ledger.amendReceipt({ route: row.route, source: row.source, callId: row.callId, from, to: receipt, action }))
        return { receipt };
    }
    return { refused: `${row.callId} is being updated on ${route.id} just now: run it again in a moment` };
  } catch (error) {
    if (error instanceof RematchError) return { refused: error.message };
    throw explained(error, route);
  } finally {
    await open?.close();
  }
}

function explained(error: unknown, { to }: Route): unknown {
  if (error instanceof OpenError) {
    const fix = "fix" in error.outcome ? { hint: error.outcome.fix } : {};
    return new UsageError(`${to.name} cannot be used: ${error.message}`, { ...fix, cause: error });
  }
  if (error instanceof UsageError || !outcomeOfNetworkError(error)) return error;
  return new UnreachableError(`${to.name} does not answer`, { address: to.name, hint: "Try again when it does.", cause: error });
}
