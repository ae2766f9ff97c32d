/** Runs every case on a connector: what `patchbay certify` shows, and what the tests hold. */

import type { Connector } from "../connector/index.ts";
import { createSemaphore } from "../lib/async/semaphore.ts";
import { TimeoutError, withTimeout } from "../lib/async/timeout.ts";
import type { Case, CaseContext } from "./cases.ts";
import type { ConnectorUnderTest } from "./connector-under-test.ts";
import { faultCases } from "./fault-cases.ts";
import { goodDayCases } from "./good-day-cases.ts";
import { killCases } from "./kill-cases.ts";
import { limitCase } from "./limit-case.ts";
import { readCases } from "./read-cases.ts";
import { type CaseResult, type CertificationReport, scoreOf } from "./report.ts";

/** In the order of the table. */
export const CASES: readonly Case[] = [...goodDayCases, limitCase, ...faultCases, ...readCases, ...killCases];

/** Each try has a sandbox of its own, and most of a case is waiting. */
const AT_ONCE = 6;
const CASE_MS = 90_000;

export async function certify(options: {
  subject: ConnectorUnderTest;
  /** Without the cases that start processes and kill them. */
  kills: boolean;
  /** Only cases whose name contains one of these. */
  only?: readonly string[] | undefined;
  onProgress?: (progress: { done: number; of: number; name: string }) => void;
}): Promise<CertificationReport> {
  const { subject, kills, only = [], onProgress = () => undefined } = options;
  const { connector } = subject;
  const trials = await Promise.all((await accountsOf(connector)).map((account) => trialOf(subject, account)));
  const chosen = trials.flatMap((trial) =>
    CASES.map((one) => ({ one, trial, name: nameOf(one, trial) })).filter(
      ({ one, name }) => (kills || !one.kills) && (only.length === 0 || only.some((text) => name.includes(text))),
    ),
  );
  const slots = createSemaphore(AT_ONCE);
  let done = 0;

  const cases = await Promise.all(
    chosen.map(async ({ one, trial, name }): Promise<CaseResult> => {
      await slots.acquire();
      try {
        return { name, ...(await ended(one, trial)) };
      } finally {
        slots.release();
        done += 1;
        onProgress({ done, of: chosen.length, name });
      }
    }),
  );
  const problems = cases.flatMap((one) => one.problems);
  const { name, title, duplicates } = connector;
  return { connector: name, title, duplicates, cases, total: scoreOf(problems), passed: problems.length === 0 };
}

/** The kinds of accounts that its stand-in can be; one without a name where there is but one. */
async function accountsOf(connector: Connector): Promise<(string | undefined)[]> {
  const { accounts = [] } = await connector.sandbox();
  return accounts.length === 0 ? [undefined] : [...accounts];
}

const nameOf = ({ name }: Case, { account }: CaseContext) => (account === undefined ? name : `${name} (${account} account)`);

async function trialOf(subject: ConnectorUnderTest, account: string | undefined): Promise<CaseContext> {
  const connector = account === undefined ? subject.connector : connectorAt(subject.connector, account);
  const { createSandbox } = await connector.sandbox();
  const sandbox = createSandbox({ limits: false });
  try {
    return {
      subject: { ...subject, connector },
      account,
      isHttp: sandbox.fetch !== undefined,
      canRefuse: sandbox.refuse !== undefined,
      hasWrong: sandbox.wrong !== undefined,
    };
  } finally {
    await sandbox.close?.();
  }
}

/** The same connector, whose stand-in is an account of this kind. */
function connectorAt(connector: Connector, account: string): Connector {
  return {
    ...connector,
    async sandbox() {
      const { createSandbox } = await connector.sandbox();
      return { createSandbox: (options) => createSandbox({ ...options, account }) };
    },
  };
}

/** A case that has no end, or breaks, says so: it is the connector's doing, or its sandbox's. */
async function ended(one: Case, trial: CaseContext): Promise<Omit<CaseResult, "name">> {
  try {
    return await withTimeout(CASE_MS, one.run(trial));
  } catch (error) {
    const why =
      error instanceof TimeoutError
        ? `has no end within ${CASE_MS / 1000} s`
        : `broke (${error instanceof Error ? error.message : "unknown"})`;
    return { runs: 1, problems: [{ kind: "wrong class", text: `the case ${why}` }] };
  }
}
