import type { Connector, Outcome } from "../connector/index.ts";
import type { CallRecord } from "../model/call.ts";
import { assertDelivered, assertUpdated } from "./assertions.ts";
import { certifyRecord, twoVersions } from "./calls.ts";
import { type Case, skipped } from "./cases.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { type Harness, LONG_MS, SHORT_MS, withHarness } from "./harness.ts";
import type { Problem, ProblemKind } from "./report.ts";

/** A `send` may end so much after its time limit; later it holds a place that other calls wait for. */
const GRACE_MS = 1_000;

/** One case for each fault: it meets the first version of a call, and on another sandbox its late summary. */
export const faultCases: Case[] = FAULTS.map((fault) => ({
  name: fault.name,
  async run({ subject: { connector }, isHttp }) {
    if (!isHttp) return skipped("there is no HTTP between");
    const timeoutMs = fault.timed ? SHORT_MS : LONG_MS;
    const results = await Promise.all(
      [meetsNewCall, meetsLateSummary].map((meets) => withHarness({ connector, timeoutMs }, (harness) => meets(harness, fault))),
    );
    const tried = results.filter((result) => result !== undefined);
    if (tried.length === 0) return skipped("nothing is read from its answers");
    return { runs: tried.length, problems: tried.flat() };
  },
}));

async function meetsNewCall(harness: Harness, fault: Fault): Promise<Problem[] | undefined> {
  if (fault.needsJson && !(await answersJson(harness.connector))) return undefined;
  return underFault({ harness, fault, call: certifyRecord(), about: "a new call" });
}

async function meetsLateSummary(harness: Harness, fault: Fault): Promise<Problem[] | undefined> {
  const { first, second } = twoVersions();
  if (fault.needsJson && !(await answersUpdateWithJson(harness.connector))) return undefined;
  const { receipt } = await harness.runner.runToEnd(first);
  // A call that is not delivered on a good day is the case of the good day.
  if (!receipt) return [];
  return underFault({ harness, fault, call: second, about: "a late summary" });
}

/** Whether something is read from the answer to a write, on a good day. */
async function answersJson(connector: Connector): Promise<boolean> {
  return withHarness({ connector }, async ({ runner, proxy }) => {
    await runner.runToEnd(certifyRecord());
    return proxy?.answersJson() ?? false;
  });
}

/** The same of an update, whose answer may be another, such as 204 without a body. Where nothing can be updated it is the first write's. */
async function answersUpdateWithJson(connector: Connector): Promise<boolean> {
  return withHarness({ connector }, async ({ runner, proxy }) => {
    const { first, second } = twoVersions();
    const { receipt } = await runner.runToEnd(first);
    if (receipt) await runner.runToEnd(second);
    return proxy?.answersJson() ?? false;
  });
}

async function underFault(options: { harness: Harness; fault: Fault; call: CallRecord; about: string }): Promise<Problem[]> {
  const { harness, fault, call, about } = options;
  const { runner, proxy, timeoutMs, connector } = harness;
  const problems: Problem[] = [];
  const say = (kind: ProblemKind, text: string) => problems.push({ kind, text: `${about}: ${text}` });

  const [before] = await harness.records();
  proxy?.meet(fault);
  let met: ReturnType<NonNullable<Harness["proxy"]>["met"]>;
  let outcome: Outcome | undefined;
  let previous: Outcome | undefined;
  const ending = await runner.runToEnd(call, {
    onOutcome(one) {
      if (met) return;
      met = proxy?.met();
      // On a busy machine an attempt may run out of time before its request comes: the attempt that met the fault counts.
      if (met) outcome = met.atMs < runner.sends.lastBeganAtMs() ? previous : one;
      previous = one;
    },
  });
  const { isUpdate } = ending;
  if (!met || !outcome) {
    // A message that cannot be changed stays as it is.
    if (ending.end !== "skipped") say("wrong class", "no request was one that writes: look at the sandbox's writes()");
  } else {
    const { duplicates } = connector;
    const wrong = fault.wrong(outcome, { duplicates, carriedOut: fault.carriedOut, isUpdate, askedMs: met.askedMs });
    if (wrong !== undefined) say("wrong class", `the outcome ${wrong}`);
    if (fault.endsAttempt && met.requestsSince > 0) {
      say(fault.endsAttempt, `it asked ${met.requestsSince} times more by itself; when to try again is not a connector's decision`);
    }
  }
  const overdue = await runner.sends.overdue({ timeoutMs, graceMs: GRACE_MS });
  if (overdue > 0) say("wrong class", "send() does not end when its time is over: obey the signal");
  // Refused for good, it may be given up at once.
  const mayDie = fault.refuses === true && outcome?.kind === "rejected";
  problems.push(...(await assertDelivered({ harness, calls: [{ key: runner.keyOf(call), ending, mayDie }], about })));
  if (isUpdate) problems.push(...(await assertUpdated({ harness, before, ending, about })));
  return problems;
}
