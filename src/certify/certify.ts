/** Runs every case on a connector: what `patchbay certify` shows, and what the tests hold. */

import { createSemaphore } from "../lib/semaphore.ts";
import { TimeoutError, within } from "../lib/time-limit.ts";
import type { Case, Trial } from "./cases.ts";
import { faultCases } from "./fault-cases.ts";
import { goodDayCases } from "./good-day-cases.ts";
import { killCases } from "./kill-cases.ts";
import { limitCase } from "./limit-case.ts";
import { readCases } from "./read-cases.ts";
import { type CaseResult, type Certificate, scoreOf } from "./score.ts";
import type { Subject } from "./subject.ts";

/** In the order of the table. */
export const CASES: readonly Case[] = [...goodDayCases, limitCase, ...faultCases, ...readCases, ...killCases];

/** Each try has a sandbox of its own, and most of a case is waiting. */
const AT_ONCE = 6;
const CASE_MS = 90_000;

export async function certify(options: {
  subject: Subject;
  /** Without the cases that start processes and kill them. */
  kills: boolean;
  /** Only cases whose name contains one of these. */
  only?: readonly string[] | undefined;
  onProgress?: (progress: { done: number; of: number; name: string }) => void;
}): Promise<Certificate> {
  const { subject, kills, only = [], onProgress = () => undefined } = options;
  const { connector } = subject;
  const chosen = CASES.filter((one) => (kills || !one.kills) && (only.length === 0 || only.some((text) => one.name.includes(text))));
  const trial = await trialOf(subject);
  const slots = createSemaphore(AT_ONCE);
  let done = 0;

  const cases = await Promise.all(
    chosen.map(async (one): Promise<CaseResult> => {
      await slots.acquire();
      try {
        return { name: one.name, ...(await ended(one, trial)) };
      } finally {
        slots.release();
        done += 1;
        onProgress({ done, of: chosen.length, name: one.name });
      }
    }),
  );
  const problems = cases.flatMap((one) => one.problems);
  const { name, title, duplicates } = connector;
  return { connector: name, title, duplicates, cases, total: scoreOf(problems), passed: problems.length === 0 };
}

async function trialOf(subject: Subject): Promise<Trial> {
  const { createSandbox } = await subject.connector.sandbox();
  const sandbox = createSandbox({ limits: false });
  try {
    return {
      subject,
      isHttp: sandbox.fetch !== undefined,
      canRefuse: sandbox.refuse !== undefined,
      hasWrong: sandbox.wrong !== undefined,
    };
  } finally {
    await sandbox.close?.();
  }
}

/** A case that has no end, or breaks, says so: it is the connector's doing, or its sandbox's. */
async function ended(one: Case, trial: Trial): Promise<Omit<CaseResult, "name">> {
  try {
    return await within(CASE_MS, one.run(trial));
  } catch (error) {
    const why =
      error instanceof TimeoutError
        ? `has no end within ${CASE_MS / 1000} s`
        : `broke (${error instanceof Error ? error.message : "unknown"})`;
    return { runs: 1, problems: [{ kind: "wrong class", text: `the case ${why}` }] };
  }
}
