import { type Failure, type OpenDestination, OpenError, outcomeOfReadingError } from "../../connector/index.ts";
import { RoutesFileError } from "../../errors.ts";
import type { Clock } from "../../lib/time/clock.ts";
import type { Destination } from "../../route.ts";
import { currentOutcome } from "../pipeline/current-outcome.ts";

/** A destination that is opened when first needed, and again after it failed. Shared by the routes of a process. */
export interface DestinationHandle {
  /** The open destination, or the outcome that every delivery gets while it cannot be opened. */
  get(): Promise<{ open: OpenDestination<Record<string, unknown>> } | { outcome: Failure }>;
  /** Closes it, so that the next `get` reads its settings again: a credential may have been replaced in its file. */
  reopen(): void;
  close(): Promise<void>;
}

/** After a failed `open`, deliveries get its outcome for this long before it is tried again. */
const TRY_AGAIN_AFTER_MS = 5_000;

export function createDestinationHandle(options: { destination: Destination; timezone: string; clock: Clock }): DestinationHandle {
  const { destination, timezone, clock } = options;
  let opening: Promise<OpenDestination<Record<string, unknown>>> | undefined;
  let failure: { outcome: Failure; atMs: number } | undefined;

  function dropOpen(): Promise<void> {
    const closing = opening;
    opening = undefined;
    return closing ? closing.then((open) => open.close()).catch(() => undefined) : Promise.resolve();
  }

  return {
    async get() {
      if (failure && clock.monotonicMs() - failure.atMs < TRY_AGAIN_AFTER_MS) return { outcome: failure.outcome };
      opening ??= openNow({ destination, timezone });
      const mine = opening;
      try {
        const open = await mine;
        failure = undefined;
        return { open };
      } catch (error) {
        if (opening === mine) opening = undefined;
        failure = { outcome: outcomeOfOpening(error), atMs: clock.monotonicMs() };
        return { outcome: failure.outcome };
      }
    },
    reopen() {
      void dropOpen();
    },
    close: dropOpen,
  };
}

async function openNow(options: { destination: Destination; timezone: string }): Promise<OpenDestination<Record<string, unknown>>> {
  const { destination, timezone } = options;
  return destination.connector.open({ settings: destination.settings(), timezone, timeoutMs: destination.timeoutMs });
}

/** Total: a failed opening keeps the calls, because nothing was sent. */
function outcomeOfOpening(error: unknown): Failure {
  if (error instanceof OpenError) {
    // A wrong setup is the destination's failure, never a reason to give up a call.
    if (error.outcome.kind !== "rejected") return currentOutcome(error.outcome);
    return { kind: "needs-fix", code: error.outcome.code, reason: error.outcome.reason, fix: "Fix it; deliveries then continue" };
  }
  if (error instanceof RoutesFileError) {
    const problem = error.errors[0];
    return { kind: "needs-fix", code: "settings", reason: problem?.message ?? error.message, fix: problem?.hint ?? "Fix routes.yaml" };
  }
  const network = outcomeOfReadingError(error);
  if (network) return network;
  const name = error instanceof Error ? error.name : "unknown";
  return { kind: "retry", because: "down", code: "open_failed", reason: `the connector could not open the destination (${name})` };
}
