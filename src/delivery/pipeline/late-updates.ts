/** Adds what `after` brought too late: a message that went without it is edited once the other route has delivered. */
import type { Ledger } from "../../ledger/ledger.ts";
import type { AwaitingDelivery } from "../../ledger/receipts.ts";
import { isNewer } from "../../ledger/record-order.ts";
import type { Clock } from "../../lib/time/clock.ts";
import { CALLS_TOPIC, type Log } from "../../log/log.ts";
import type { DeliveryPorts } from "./delivery-ports.ts";
import type { RouteTrouble } from "./events.ts";
import { matchRoute } from "./match-route.ts";

const LOOK_EVERY_MS = 2_000;
/** Rows of one look: while the other route is paused thousands may wait, and each look takes its page of them. */
const PAGE = 500;
/** Edits that may wait at once: new messages share the limiter, and come first for a reader. */
const MOST_QUEUED = 10;

export interface LateUpdatesOptions {
  ports: Pick<DeliveryPorts, "current" | "state">;
  log: Pick<Log, "read">;
  ledger: Pick<Ledger, "awaiting" | "awaitNoLonger" | "enqueue" | "adding">;
  clock: Clock;
  signal: AbortSignal;
  onQueued(): void;
  onTrouble(trouble: RouteTrouble): void;
}

/**
 * Looks until the signal is aborted; resolves then. A row keeps that it awaits something until it was delivered with it, so that a crash
 * at any step costs another look and nothing else.
 */
export async function runLateUpdates(options: LateUpdatesOptions): Promise<void> {
  const { ports, clock, signal } = options;
  const look = createLook(options);
  while (!signal.aborted) {
    await clock.sleep(LOOK_EVERY_MS, signal);
    if (signal.aborted) return;
    try {
      if (await look()) ports.state.ledgerAnswered();
    } catch (error) {
      ports.state.ledgerFailed(error);
    }
  }
}

/** One look; `false`: there was nothing to ask the ledger. */
function createLook(options: LateUpdatesOptions): () => Promise<boolean> {
  const { ports, ledger, signal, onQueued, onTrouble } = options;
  let isUnreadReported = false;
  let from: { source: string; callId: string } | undefined;

  /** Once, until the log can be read. Messages whose records cannot be read are left for a later look, the others are edited. */
  function reportUnread(error: unknown): void {
    const why = error instanceof Error ? error.message : "unknown";
    const cause = `messages that went without another route's receipt are not edited: the log cannot be read: ${why}`;
    if (!isUnreadReported) onTrouble({ route: ports.current.runtime.route.id, cause, continues: true });
    isUnreadReported = true;
  }

  async function edit(rows: AwaitingDelivery[], room: number): Promise<"all" | "some"> {
    let [left, isUnread] = [room, false];
    for (const row of rows) {
      if (signal.aborted) return "some";
      const read =
        row.other?.receipt === undefined ? { item: undefined } : await itemOf(row, options).catch((error: unknown) => ({ error }));
      if ("error" in read) {
        reportUnread(read.error);
        isUnread = true;
      } else if (read.item === undefined) await ledger.awaitNoLonger([row]);
      else if (left === 0) return "some";
      else {
        left -= 1;
        await ledger.enqueue({ items: [read.item], dueInMs: 0, only: "all", again: true });
        onQueued();
      }
    }
    if (!isUnread && rows.length > 0) isUnreadReported = false;
    return "all";
  }

  return async () => {
    const { route, admission } = ports.current.runtime;
    const { after } = route;
    if (!after || !route.to.connector.edits || admission.room() === 0) return false;
    const page = await ledger.awaiting({ route: route.id, after: after.route, limit: PAGE, from });
    const ended = page.filter(
      ({ other, ...row }) => other?.receipt !== undefined || (other?.state === "skipped" && !isNewer(row, other.place)),
    );
    const room = ended.length === 0 ? 0 : Math.max(0, MOST_QUEUED - (await ledger.adding(route.id)));
    if ((await edit(ended, room)) === "some") return true;
    const last = page.at(-1);
    from = page.length === PAGE && last ? { source: last.source, callId: last.callId } : undefined;
    return true;
  };
}

/** `item` undefined: retention took the record, or the route does not want the call any more. @throws what the log throws. */
async function itemOf({ route, source, callId, partition, offset }: AwaitingDelivery, { ports, log }: LateUpdatesOptions) {
  const [message] = await log.read({ topic: CALLS_TOPIC, partition, from: offset, limit: 1 });
  if (message?.offset !== offset) return { item: undefined };
  const { runtime, overrides } = ports.current;
  const match = matchRoute({ message, describe: runtime.describe, route: runtime.route, overrides, replay: true });
  const { hash, acceptedAt } = match.parsed;
  // A log that was made again has another call at this place.
  const isSameCall = match.parsed.source === source && match.parsed.callId === callId;
  if (match.kind !== "wanted" || !isSameCall) return { item: undefined };
  return { item: { route, source, callId, partition, offset, hash, acceptedAt, body: message.value } };
}
