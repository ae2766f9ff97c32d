import { claimDelivery, giveBack, settleClaim, skipMessage } from "./claim-delivery.ts";
import { decideSettlement } from "./decide-settlement.ts";
import type { DeliveryPorts, Progress } from "./delivery-ports.ts";
import { admitDelivery, type DeliveryTask } from "./delivery-task.ts";
import { attemptEvent } from "./events.ts";
import { matchRoute } from "./match-route.ts";
import { prepareDelivery } from "./prepare-delivery.ts";
import { sendWithRetries } from "./send-with-retries.ts";

/** Processes a message of the log until its ack, or until its release when the signal comes first. A due row ends with one settlement. Never rejects. */
export async function processDelivery(task: DeliveryTask, ports: DeliveryPorts): Promise<void> {
  let progress = await processOnce(task, ports);
  if (task.kind === "due") return;
  while (progress === "again" && !task.signal.aborted && !ports.deadline.aborted) progress = await processOnce(task, ports);
  if (progress === "done") task.taken.ack();
  else task.taken.release();
}

/** One call on one route: **match → admit → claim → prepare → send → decide → settle**; `done` is acknowledged. */
async function processOnce(task: DeliveryTask, ports: DeliveryPorts): Promise<Progress> {
  const { current, clock, state } = ports;
  const { runtime, overrides } = current;
  const { route, describe, admission } = runtime;
  const { message, replay, signal } = task;
  const isForgotten = task.kind === "due" && task.due.forgotten;
  const match = matchRoute({ message, describe, route, overrides, replay, isForgotten });
  if (match.kind === "unwanted" && task.kind === "message") return skipMessage({ task, match, runtime, ports });

  // Before the claim, because an outage may last longer than a lease.
  using admitted = await admitDelivery(task, admission);
  if (!admitted) return giveBack(task, ports);
  // The file or a decision has changed while the message waited.
  if (ports.current !== current && task.kind === "message") return "again";

  const claimed = await claimDelivery({ task, match, runtime, ports });
  if (typeof claimed === "string") return claimed;
  using lease = ports.leases.hold(claimed);
  const { claim, place } = claimed;
  const delivery = { claim, place, lease, admitted, runtime, ports, signal };

  const prepared = await prepareDelivery({ ...delivery, match });
  const result = prepared.kind === "ready" ? await sendWithRetries({ ...delivery, prepared }) : prepared;

  const isClosed = admission.cause() !== undefined;
  const settlement = decideSettlement({
    result,
    claim,
    route,
    isClosed,
    body: message.value,
    random: clock.random,
    mayReject: state.mayReject,
  });
  if (result.kind === "attempted") ports.onAttempt(attemptEvent({ claim, route, result, follows: settlement }));

  const isWritten = await settleClaim({ claim, settlement, acceptedAt: place.acceptedAt, routesVersion: runtime.routesVersion, ports });
  return isWritten && settlement.kind !== "released" ? "done" : "again";
}
