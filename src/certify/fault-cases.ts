import type { Connector, Outcome, Receipt } from "../connector/index.ts";
import type { Call } from "../model/call.ts";
import { assertDelivered, assertUpdated } from "./assertions.ts";
import { certifyCall, twoVersions } from "./calls.ts";
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
    const tries = [meetsNewCall, meetsLateSummary].map((meets) => withHarness({ connector, timeoutMs }, (stand) => meets(stand, fault)));
    const results = await Promise.all(tries);
    const judged = results.filter((result) => result !== undefined);
    if (judged.length === 0) return skipped("nothing is read from its answers");
    return { runs: judged.length, problems: judged.flat() };
  },
}));

async function meetsNewCall(stand: Harness, fault: Fault): Promise<Problem[] | undefined> {
  if (fault.needsJson && !(await answersJson(stand.connector))) return undefined;
  return underFault({ stand, fault, call: certifyCall(), receipt: undefined, about: "a new call" });
}

async function meetsLateSummary(stand: Harness, fault: Fault): Promise<Problem[] | undefined> {
  const { first, second } = twoVersions();
  if (fault.needsJson && !(await answersUpdateWithJson(stand.connector))) return undefined;
  const { receipt } = await stand.carrier.toEnd(first);
  // That it is not delivered on a good day is the case of the good day.
  if (!receipt) return [];
  return underFault({ stand, fault, call: second, receipt, about: "a late summary" });
}

/** What the answer to a write looks like on a good day. */
async function answersJson(connector: Connector): Promise<boolean> {
  return withHarness({ connector }, async ({ carrier, proxy }) => {
    await carrier.toEnd(certifyCall());
    return proxy?.answersJson() ?? false;
  });
}

/** The same of an update: it may well be another, such as 204 without a body. Where nothing can be updated it is the first write's. */
async function answersUpdateWithJson(connector: Connector): Promise<boolean> {
  return withHarness({ connector }, async ({ carrier, proxy }) => {
    const { first, second } = twoVersions();
    const { receipt } = await carrier.toEnd(first);
    if (receipt) await carrier.toEnd(second, { receipt });
    return proxy?.answersJson() ?? false;
  });
}

async function underFault(options: {
  stand: Harness;
  fault: Fault;
  call: Call;
  receipt: Receipt | undefined;
  about: string;
}): Promise<Problem[]> {
  const { stand, fault, call, receipt, about } = options;
  const { carrier, proxy, timeoutMs, connector } = stand;
  const problems: Problem[] = [];
  const say = (kind: ProblemKind, text: string) => problems.push({ kind, text: `${about}: ${text}` });

  const before = (await stand.records())[0];
  proxy?.meet(fault);
  // On a busy machine an attempt may run out of time before it writes: judged is the one that met the fault.
  let met: ReturnType<NonNullable<Harness["proxy"]>["met"]>;
  let outcome: Outcome | undefined;
  const ending = await carrier.toEnd(call, { receipt }, (one) => {
    if (met) return;
    met = proxy?.met();
    outcome = met && one;
  });
  if (!met || !outcome) {
    // A message that cannot be changed stays as it is.
    if (ending.end !== "skipped") say("wrong class", "no request was one that writes: look at the sandbox's writes()");
  } else {
    const { duplicates } = connector;
    const isUpdate = receipt !== undefined;
    const wrong = fault.wrong(outcome, { duplicates, carriedOut: fault.carriedOut, isUpdate, askedMs: met.askedMs });
    if (wrong !== undefined) say("wrong class", `the outcome ${wrong}`);
    if (fault.endsAttempt && met.requestsSince > 0) {
      say(fault.endsAttempt, `it asked ${met.requestsSince} times more by itself; when to try again is not a connector's decision`);
    }
  }
  const overdue = await carrier.watch.overdue({ timeoutMs, graceMs: GRACE_MS });
  if (overdue > 0) say("wrong class", "send() does not end when its time is over: obey the signal");
  // Refused for good, it may be given up at once.
  const mayDie = fault.refuses === true && outcome?.kind === "rejected";
  problems.push(...(await assertDelivered({ stand, carried: [{ key: carrier.keyOf(call), ending, mayDie }], about })));
  if (receipt) problems.push(...(await assertUpdated({ stand, before, ending, about })));
  return problems;
}
