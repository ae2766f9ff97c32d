/** What `after` brought too late: a message that went without it is edited once the other route has delivered. */
import type { Ledger } from "../../ledger/ledger.ts";
import type { AwaitingDelivery } from "../../ledger/receipts.ts";
import { isNewer } from "../../ledger/record-order.ts";
import type { Clock } from "../../lib/time/clock.ts";
import { CALLS_TOPIC, type Log } from "../../log/log.ts";
import type { Routes } from "../../route.ts";
import { matchRoute, type RouteOverrides } from "./match-route.ts";
import type { RouteRuntime } from "./send-with-retries.ts";

const LOOK_EVERY_MS = 2_000;
/** Rows of one look: while the other route stands thousands may wait, and each look takes its page of them. */
const PAGE = 500;
/** Edits that may wait at once: new messages have the same limiter, and come first for a reader. */
const MOST_QUEUED = 10;

type FollowUpLedger = Pick<Ledger, "awaiting" | "awaitNoLonger" | "enqueue" | "adding">;

/**
 * Looks until the signal is aborted; resolves then. A row keeps that it awaits something until it was delivered with it, so that a crash
 * at any step costs another look and nothing else.
 */
export async function startLateUpdates(options: {
  way(): Pick<RouteRuntime, "route" | "gate"> & Pick<Routes, "describe">;
  decisions(): RouteOverrides;
  log: Pick<Log, "read">;
  ledger: FollowUpLedger;
  clock: Clock;
  signal: AbortSignal;
  onQueued(): void;
  /** The ledger answers. */
  onLooked(): void;
  /** The log cannot be read: told once, until it can be. Messages whose records it is about are left for a later look, the others go on. */
  onUnread(error: unknown): void;
  /** The ledger's. */
  onFailure(error: unknown): void;
}): Promise<void> {
  const { way, decisions, log, ledger, clock, signal, onQueued, onLooked, onUnread, onFailure } = options;
  let toldUnread = false;
  let from: { source: string; callId: string } | undefined;

  /** `false`: there was nothing to ask the ledger. */
  async function look(): Promise<boolean> {
    const { route, gate } = way();
    const { after } = route;
    if (!after || !route.to.connector.edits || gate.room() === 0) return false;
    const page = await ledger.awaiting({ route: route.id, after: after.route, limit: PAGE, from });
    const ended = page.filter(
      ({ other, ...row }) => other?.receipt !== undefined || (other?.state === "skipped" && !isNewer(row, other.place)),
    );
    let room = ended.length === 0 ? 0 : MOST_QUEUED - (await ledger.adding(route.id));
    let unread = false;
    for (const row of ended) {
      if (signal.aborted) return true;
      const read = row.other?.receipt === undefined ? { item: undefined } : await itemOf(row).catch((error: unknown) => ({ error }));
      if ("error" in read) {
        if (!toldUnread) onUnread(read.error);
        unread = toldUnread = true;
        continue;
      }
      const { item } = read;
      if (item === undefined) await ledger.awaitNoLonger([row]);
      else if (room > 0) {
        room -= 1;
        await ledger.enqueue({ items: [item], dueInMs: 0, only: "all", again: true });
        onQueued();
      } else return true;
    }
    if (!unread && ended.length > 0) toldUnread = false;
    const last = page.at(-1);
    from = page.length === PAGE && last ? { source: last.source, callId: last.callId } : undefined;
    return true;
  }

  /** `item` undefined: retention took the record, or the route does not want the call any more. */
  async function itemOf({ route, source, callId, partition, offset }: AwaitingDelivery) {
    const [message] = await log.read({ topic: CALLS_TOPIC, partition, from: offset, limit: 1 });
    if (message?.offset !== offset) return { item: undefined };
    const now = way();
    const judged = matchRoute({ message, describe: now.describe, route: now.route, decisions: decisions(), replay: true });
    const { hash, acceptedAt, source: itsSource, callId: itsCall } = judged.reading;
    // In a log that was made again another call lies there.
    if (judged.wanted !== true || itsSource !== source || itsCall !== callId) return { item: undefined };
    return { item: { route, source, callId, partition, offset, hash, acceptedAt, body: message.value } };
  }

  while (!signal.aborted) {
    await clock.sleep(LOOK_EVERY_MS, signal);
    if (signal.aborted) return;
    try {
      if (await look()) onLooked();
    } catch (error) {
      onFailure(error);
    }
  }
}
