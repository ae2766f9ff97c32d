/** Runs the cases on a connector: for `patchbay certify`, and each as a test of its own for the tests. */
import type { Connector } from "../connector/index.ts";
import { createSemaphore } from "../lib/async/semaphore.ts";
import { TimeoutError, withTimeout } from "../lib/async/timeout.ts";
import { addressCases } from "./address-cases.ts";
import type { Case, CaseContext } from "./cases.ts";
import type { ConnectorUnderTest } from "./connector-under-test.ts";
import { contractCases } from "./contract-cases.ts";
import { faultCases } from "./fault-cases.ts";
import { goodDayCases } from "./good-day-cases.ts";
import { killCases } from "./kill-cases.ts";
import { limitCase } from "./limit-case.ts";
import { oneCallCases } from "./one-call-cases.ts";
import { readCases } from "./read-cases.ts";
import { type CaseResult, type CertificationReport, scoreOf } from "./report.ts";

/** In the order of the table. */
export const CASES: readonly Case[] = [
  ...oneCallCases,
  ...goodDayCases,
  ...contractCases,
  limitCase,
  ...addressCases,
  ...faultCases,
  ...readCases,
  ...killCases,
];

/** Each run has a sandbox of its own, and most of a case is waiting. */
const AT_ONCE = 6;
const CASE_MS = 90_000;

export interface CertifyOptions {
  subject: ConnectorUnderTest;
  /** With the cases that start processes and kill them. */
  kills: boolean;
  /** Only cases whose name contains one of these. */
  only?: readonly string[] | undefined;
}

/** A case at one kind of account, which runs when it is asked to. Never rejects. */
export interface PlannedCase {
  name: string;
  run(): Promise<CaseResult>;
}

/** The chosen cases; a few of them run at once, however many are asked to. */
export async function planCases({ subject, kills, only = [] }: CertifyOptions): Promise<PlannedCase[]> {
  const contexts = await Promise.all((await accountsOf(subject.connector)).map((account) => contextOf(subject, account)));
  const slots = createSemaphore(AT_ONCE);
  const planned = contexts.flatMap((context) =>
    CASES.filter((one) => kills || !one.kills).map((one): PlannedCase => {
      const name = nameOf(one, context);
      return {
        name,
        async run() {
          await slots.acquire();
          try {
            return { name, ...(await endOf(one, context)) };
          } finally {
            slots.release();
          }
        },
      };
    }),
  );
  return planned.filter(({ name }) => only.length === 0 || only.some((text) => name.includes(text)));
}

export async function certify(
  options: CertifyOptions & { onProgress?: (progress: { done: number; of: number; name: string }) => void },
): Promise<CertificationReport> {
  const { onProgress = () => undefined } = options;
  const planned = await planCases(options);
  let done = 0;
  const cases = await Promise.all(
    planned.map(async ({ name, run }) => {
      const result = await run();
      done += 1;
      onProgress({ done, of: planned.length, name });
      return result;
    }),
  );
  const problems = cases.flatMap((one) => one.problems);
  const { name, title, duplicates } = options.subject.connector;
  return { connector: name, title, duplicates, cases, total: scoreOf(problems), passed: problems.length === 0 };
}

/** The kinds of accounts that its sandbox can be; one without a name where all are alike. */
async function accountsOf(connector: Connector): Promise<(string | undefined)[]> {
  const { accounts = [] } = await connector.sandbox();
  return accounts.length === 0 ? [undefined] : [...accounts];
}

const nameOf = ({ name }: Case, { account }: CaseContext) => (account === undefined ? name : `${name} (${account} account)`);

async function contextOf(subject: ConnectorUnderTest, account: string | undefined): Promise<CaseContext> {
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

/** The same connector, with a sandbox that is an account of this kind. */
function connectorAt(connector: Connector, account: string): Connector {
  return {
    ...connector,
    async sandbox() {
      const { createSandbox } = await connector.sandbox();
      return { createSandbox: (options) => createSandbox({ ...options, account }) };
    },
  };
}

/** A case that does not end, or throws, is a problem of the connector or of its sandbox. */
async function endOf(one: Case, context: CaseContext): Promise<Omit<CaseResult, "name">> {
  try {
    return await withTimeout(CASE_MS, one.run(context));
  } catch (error) {
    const why =
      error instanceof TimeoutError
        ? `has no end within ${CASE_MS / 1000} s`
        : `broke (${error instanceof Error ? error.message : "unknown"})`;
    return { runs: 1, problems: [{ kind: "wrong class", text: `the case ${why}` }] };
  }
}
