/** What a delivery writes to the ledger: its claim, its settlement, or that its route does not want the call. Each asks until the ledger answers. */
import { FORGOTTEN_REASON } from "../../ledger/forgotten.ts";
import type { Claim, Settlement, SkipAnswer } from "../../ledger/ledger.ts";
import type { RecordPlace } from "../../ledger/record-order.ts";
import type { RouteRuntime } from "../route/route-runtime.ts";
import type { DeliveryPorts, Progress } from "./delivery-ports.ts";
import type { DeliveryTask, MessageTask } from "./delivery-task.ts";
import { settledEvent } from "./events.ts";
import type { MatchResult } from "./match-route.ts";
import { retryUntilAnswered } from "./retry-until-answered.ts";

export interface ClaimedDelivery {
  claim: Claim;
  /** Monotonic, before the claim was requested. */
  claimedAtMs: number;
  /** Of the record in the log. */
  place: RecordPlace;
}

const HELD_ASK_AGAIN_MS = 200;
const RETURNED = "an earlier version of the call came again";
/** Why the ledger skips a message, where that is not the route's reason. */
const SKIP_REASONS: Partial<Record<SkipAnswer, string>> = { returned: RETURNED, forgotten: FORGOTTEN_REASON };

/** Claims a message, waiting while another process holds its delivery; how the message ends where there is nothing to claim. */
export async function claimDelivery(options: {
  task: DeliveryTask;
  match: MatchResult;
  runtime: RouteRuntime;
  ports: DeliveryPorts;
}): Promise<ClaimedDelivery | Progress> {
  const { task, match, runtime, ports } = options;
  const { source, callId, hash, acceptedAt } = match.parsed;
  if (task.kind === "due") {
    const { partition, offset } = task.due;
    return { claim: task.due, claimedAtMs: task.claimedAtMs, place: { partition, offset, acceptedAt } };
  }
  const { ledger, clock, state } = ports;
  const { signal, taken } = task;
  const { partition, offset } = taken.message;
  const route = runtime.route.id;
  const request = { route, source, callId, partition, offset, hash, acceptedAt };
  const ask = () => ledger.claim(request);
  while (!signal.aborted) {
    const claimedAtMs = clock.monotonicMs();
    const answer = await retryUntilAnswered({ ask, signal, clock, onFailure: state.ledgerFailed });
    if (answer === undefined) return "stopped";
    if (answer.kind === "claimed") return { claim: answer.claim, claimedAtMs, place: { partition, offset, acceptedAt } };
    if (answer.kind === "forgotten")
      return skipMessage({ task, match: { ...match, kind: "unwanted", reason: FORGOTTEN_REASON }, runtime, ports });
    if (answer.kind === "returned") ports.onSettled({ route, source, callId, kind: "skipped", reason: RETURNED });
    if (answer.kind !== "held") return "done";
    await clock.sleep(answer.retryAfterMs, signal);
  }
  return "stopped";
}

/** Writes that the route does not want the call. */
export async function skipMessage(options: {
  task: MessageTask;
  match: MatchResult & { kind: "unwanted" };
  runtime: RouteRuntime;
  ports: DeliveryPorts;
}): Promise<Progress> {
  const { task, match, runtime, ports } = options;
  const { signal, taken } = task;
  const { ledger, clock, state } = ports;
  const { source, callId, hash, acceptedAt } = match.parsed;
  const { partition, offset } = taken.message;
  const route = runtime.route.id;
  const request = {
    route,
    source,
    callId,
    partition,
    offset,
    hash,
    acceptedAt,
    reason: match.reason,
    routesVersion: runtime.routesVersion,
  };
  const ask = () => ledger.skip(request);
  while (!signal.aborted) {
    const answer = await retryUntilAnswered({ ask, signal, clock, onFailure: state.ledgerFailed });
    if (answer !== undefined && answer !== "held") {
      if (answer === "forgotten") ports.onForgotten(taken.message);
      ports.onSettled({ route, source, callId, kind: "skipped", reason: SKIP_REASONS[answer] ?? match.reason });
      return "done";
    }
    await clock.sleep(HELD_ASK_AGAIN_MS, signal);
  }
  return "stopped";
}

/** `false`: the claim was no longer ours, so nothing was written. */
export async function settleClaim(options: {
  claim: Claim;
  settlement: Settlement;
  /** Of the record, Unix ms. */
  acceptedAt: number;
  routesVersion: string;
  ports: DeliveryPorts;
}): Promise<boolean> {
  const { claim, settlement, acceptedAt, routesVersion, ports } = options;
  const { route, source, callId, claimId } = claim;
  const { ledger, clock, deadline, state } = ports;
  const request = { route, source, callId, claimId, settlement, routesVersion };
  const ask = () => ledger.settle(request);
  const isOurs = await retryUntilAnswered({ ask, signal: deadline, clock, onFailure: state.ledgerFailed });
  const event = isOurs ? settledEvent({ key: claim, settlement, sinceAcceptedMs: clock.nowMs() - acceptedAt }) : undefined;
  if (event) ports.onSettled(event);
  return isOurs ?? false;
}

/** Without admission a message stays in the log; the row of a due delivery waits again. */
export async function giveBack(task: DeliveryTask, ports: DeliveryPorts): Promise<Progress> {
  if (task.kind === "due") {
    const { routesVersion } = ports.current.runtime;
    await settleClaim({ claim: task.due, settlement: { kind: "released" }, acceptedAt: task.due.acceptedAt, routesVersion, ports });
  }
  return "stopped";
}
