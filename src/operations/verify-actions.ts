/** Whether the actions are those that were noted: none changed, none taken out, none put in. */

import type { ActionLedger } from "../ledger/actions.ts";
import { digestsOf, sealOf } from "../ledger/seals.ts";

export interface ActionsReport {
  count: number;
  /** Of the newest: `41-3f2a9c0d1e5b7788`. Written down elsewhere, it tells later whether everything up to it is still there. */
  head: string;
  /** What does not fit, in sentences. */
  faults: string[];
}

const AT_ONCE = 500;
/** Of a seal, for people to write down: 64 bits. */
const SHOWN = 16;
const MAX_FAULTS = 20;

export const headOf = ({ seq, seal }: { seq: number; seal: string }) => (seq === 0 ? "0-" : `${seq}-${seal.slice(0, SHOWN)}`);

/** @param options.against a head that was shown earlier. */
export async function verifyActions(options: {
  ledger: Pick<ActionLedger, "sealedActions" | "actionsHead">;
  against?: string | undefined;
}): Promise<ActionsReport> {
  const { ledger, against } = options;
  // Before the rows: what is noted meanwhile is behind it.
  const head = await ledger.actionsHead();
  const faults: string[] = [];
  let [count, after, before] = [0, 0, ""];
  let known = against === undefined || against === "0-";
  let newest = { seq: 0, seal: "" };
  for (;;) {
    const page = await ledger.sealedActions({ after, limit: AT_ONCE });
    for (const { seq, seal, at, ...texts } of page) {
      if (seq !== after + 1) faults.push(missing(after + 1, seq - 1));
      else if (sealOf({ before, seq, at, digests: digestsOf(texts) }) !== seal)
        faults.push(`action ${seq} (${texts.action}, ${new Date(at).toISOString()}) is not as it was noted`);
      if (headOf({ seq, seal }) === against) known = true;
      [count, after, before] = [count + 1, seq, seal];
      newest = { seq, seal };
    }
    if (page.length < AT_ONCE) break;
  }
  if (newest.seq < head.seq) faults.push(missing(newest.seq + 1, head.seq));
  if (count > 0 && head.seq === 0) faults.push("what the ledger remembers of the newest action is missing");
  if (head.unsealed > 0) faults.push(`${head.unsealed} ${head.unsealed === 1 ? "row was" : "rows were"} not noted by this program`);
  if (!known) faults.push(`no action has the seal ${against}: they were sealed once more since, or this is another ledger`);
  return { count, head: headOf(newest), faults: faults.slice(0, MAX_FAULTS) };
}

function missing(from: number, to: number): string {
  return from === to ? `action ${from} is missing` : `actions ${from} to ${to} are missing`;
}
