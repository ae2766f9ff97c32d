/** A ledger takes another log, or a log that has lost its end, for its own: routes begin at its oldest call, and what was delivered stays known. */
import { isRunning } from "../delivery/process/heartbeat.ts";
import { groupOf } from "../delivery/route/start-position.ts";
import { UsageError } from "../errors.ts";
import type { LogBindingLedger } from "../ledger/log-binding.ts";
import type { RouteLedger } from "../ledger/routes.ts";
import type { WorkerLedger } from "../ledger/workers.ts";
import { CALLS_TOPIC, type Log, type Position } from "../log/log.ts";

export interface Adoption {
  identity: string;
  routes: string[];
  /** Where they begin. */
  from: Position[];
  /** Calls that the log holds. */
  calls: number;
}

/** @throws {UsageError} while a process delivers with this ledger: it would continue with the log that it has open. */
export async function planAdoption(options: { log: Log; ledger: WorkerLedger & RouteLedger }): Promise<Adoption> {
  const { log, ledger } = options;
  const running = (await ledger.workers()).filter(isRunning);
  if (running.length > 0)
    throw new UsageError(`${running.length} ${running.length === 1 ? "process delivers" : "processes deliver"} with this ledger`, {
      hint: `Stop ${running.map(({ host, pid }) => `${host} (process ${pid})`).join(", ")} first; a process that was killed counts for ten seconds.`,
    });
  const ranges = await log.ranges(CALLS_TOPIC);
  return {
    identity: await log.identity(),
    routes: await ledger.knownRoutes(),
    from: ranges.map(({ partition, low }) => ({ partition, offset: low })),
    calls: ranges.reduce((sum, { low, high }) => sum + high - low, 0),
  };
}

/** The groups first: a stop in between leaves a ledger that is still refused. @throws what log and ledger throw. */
export async function adoptLog(options: { adoption: Adoption; log: Log; ledger: LogBindingLedger; by: string }): Promise<void> {
  const { adoption, log, ledger, by } = options;
  const { identity, routes, from } = adoption;
  for (const route of routes) await log.placeGroup({ group: groupOf(route), topic: CALLS_TOPIC, positions: from });
  await ledger.adoptLog({ identity, from, by });
}
