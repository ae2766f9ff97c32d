import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSemaphore } from "../lib/async/semaphore.ts";
import { assertDelivered } from "./assertions.ts";
import { certifyRecord } from "./calls.ts";
import type { Case } from "./cases.ts";
import type { ConnectorUnderTest } from "./connector-under-test.ts";
import { type Harness, LONG_MS, withHarness } from "./harness.ts";
import { leaksInPrint } from "./leaks.ts";
import type { Step } from "./proxy.ts";
import type { Problem } from "./report.ts";
import { type RunnerProcess, startRunnerProcess } from "./runner-client.ts";
import type { SendStep } from "./send-spy.ts";

/** Where a process is killed: at a request of a delivery, or, where there are none, around the connector's `send`. */
type Moment = { request: number; step: Step } | { around: SendStep };

/** The start of a process costs most of a second of one core. */
const AT_ONCE = 2;

/** A process is killed at each step of a delivery, and another one delivers the same call as one that may have been sent. */
export const killCases: Case[] = [
  {
    name: "kill -9 at each step",
    kills: true,
    async run({ subject, isHttp }) {
      const cacheFolder = mkdtempSync(join(tmpdir(), "patchbay-certify-cache-"));
      const survivor = startRunnerProcess({ subject, cacheFolder });
      try {
        const moments = isHttp ? momentsOf(await requestsOfADelivery(subject, survivor)) : AROUND_A_SEND;
        const slots = createSemaphore(AT_ONCE);
        const runs = moments.map(async (moment) => {
          await slots.acquire();
          try {
            return await killedAt({ subject, cacheFolder, moment, survivor });
          } finally {
            slots.release();
          }
        });
        const problems = (await Promise.all(runs)).flat();
        const note = isHttp ? `at ${moments.length} steps of ${(moments.length - 1) / 2} requests` : "before, in and after its send";
        return { runs: moments.length, problems, note };
      } finally {
        await survivor.kill();
        rmSync(cacheFolder, { recursive: true, force: true });
      }
    },
  },
];

const AROUND_A_SEND: Moment[] = [{ around: "opened" }, { around: "sending" }, { around: "sent" }];

/** After an answer the destination holds the same as before the next request, so that only the last request needs both. */
function momentsOf(requests: number): Moment[] {
  const each = Array.from({ length: requests }, (_, request): Moment[] => [
    { request, step: "seen" },
    { request, step: "carried out" },
  ]);
  return [...each.flat(), { request: requests - 1, step: "answered" }];
}

async function requestsOfADelivery({ connector }: ConnectorUnderTest, process: RunnerProcess): Promise<number> {
  return withHarness({ connector }, async (harness) => {
    const before = harness.proxy?.requests.length ?? 0;
    const ending = await process.run(jobOf(harness));
    if (ending === "killed" || ending.end !== "delivered") throw new Error("a call is not delivered on a good day");
    return (harness.proxy?.requests.length ?? 0) - before;
  });
}

const jobOf = ({ settings, sandbox }: Harness) => ({ settings, example: sandbox.example, timeoutMs: LONG_MS, call: certifyRecord() });

async function killedAt(options: {
  subject: ConnectorUnderTest;
  cacheFolder: string;
  moment: Moment;
  survivor: RunnerProcess;
}): Promise<Problem[]> {
  const { subject, cacheFolder, moment, survivor } = options;
  let first = Number.POSITIVE_INFINITY;
  const victim = startRunnerProcess({ subject, cacheFolder });
  const onStep = async (step: Step, index: number) => {
    if (!("request" in moment) || index - first !== moment.request || step !== moment.step) return true;
    await victim.kill();
    // Nobody is left to read an answer.
    return false;
  };
  try {
    return await withHarness({ connector: subject.connector, onStep }, async (harness) => {
      first = harness.proxy?.requests.length ?? 0;
      const job = jobOf(harness);
      const around = "around" in moment ? moment.around : undefined;
      await victim.run({ ...job, stopAt: around === "sending" ? undefined : around }, (step) => {
        if (step === around) void victim.kill();
      });
      // Its delivery may have ended while it was killed.
      await victim.kill();
      const ending = await survivor.run({ ...job, afterCrash: true });
      if (ending === "killed") throw new Error("the second process was killed");
      const about = `killed ${nameOf(moment)}`;
      const printed = leaksInPrint(victim.printed() + survivor.printed(), { secrets: harness.secrets });
      const found = await assertDelivered({ harness, calls: [{ key: harness.runner.keyOf(job.call), ending }], about });
      return [...found, ...printed];
    });
  } finally {
    await victim.kill();
  }
}

function nameOf(moment: Moment): string {
  if ("around" in moment) return { opened: "before its send", sending: "in its send", sent: "after its send" }[moment.around];
  const step = { seen: "before it was carried out", "carried out": "before its answer", answered: "after its answer" }[moment.step];
  return `at request ${moment.request + 1}, ${step}`;
}
