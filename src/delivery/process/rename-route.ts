import type { Ledger } from "../../ledger/ledger.ts";
import type { Clock } from "../../lib/time/clock.ts";
import { CALLS_TOPIC, type Log } from "../../log/log.ts";
import { groupOf } from "../route/start-position.ts";
import { isRunning } from "./heartbeat.ts";

const LOOK_EVERY_MS = 500;

/**
 * `was: old-id`: the new route continues at the position of the old one, with its rows. Waits until no process runs the old id, because
 * two groups at one record would each deliver it. Does nothing the second time.
 */
export async function renameRoutes(options: { from: string; to: string; log: Log; ledger: Ledger; clock: Clock }): Promise<void> {
  const { from, to, log, ledger, clock } = options;
  while (!(await ledger.knownRoutes()).includes(to)) {
    const workers = await ledger.workers();
    const running = workers.some((worker) => isRunning(worker) && worker.routes.some(({ route }) => route === from));
    if (running) {
      await clock.sleep(LOOK_EVERY_MS);
      continue;
    }
    const reached = await log.committed({ group: groupOf(from), topic: CALLS_TOPIC });
    await ledger.mirrorPositions({ route: from, positions: reached.map(({ partition, offset }) => ({ partition, offset })) });
    if (!(await ledger.renameRoute({ from, to }))) return;
  }
}
