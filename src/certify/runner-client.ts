import { spawn } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { ConnectorUnderTest } from "./connector-under-test.ts";
import type { Ending } from "./delivery-runner.ts";
import type { Job, Report } from "./runner-process.ts";
import type { SendStep } from "./send-spy.ts";

/** Beside this file, in a checkout and in the published package. */
const RUNNER = fileURLToPath(new URL(`./runner-process${extname(import.meta.url)}`, import.meta.url));

/** A process that delivers calls, and can be killed. */
export interface RunnerProcess {
  /** How the delivery ended, or `killed`. `onStep` is called at each step. @throws when the process ends or fails by itself. */
  run(job: Omit<Job, "id">, onStep?: (step: SendStep) => void): Promise<Ending | "killed">;
  /** kill -9; resolves when it has ended. */
  kill(): Promise<void>;
  /** What it has printed so far. */
  printed(): string;
}

/** `cacheFolder`: where the first process leaves what it compiled, so that the next ones start in half the time. */
export function startRunnerProcess(options: { subject: ConnectorUnderTest; cacheFolder: string }): RunnerProcess {
  const { subject, cacheFolder } = options;
  const child = spawn(process.execPath, [RUNNER, subject.named, subject.cwd], {
    env: { ...process.env, NODE_COMPILE_CACHE: cacheFolder },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const gone = once(child, "exit");
  // A failure to start is an exit too, which `run` waits for.
  child.on("error", () => undefined);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk) => {
      printed += chunk;
    });
  }
  const jobs = new Map<number, { onReport(report: Report): void }>();
  child.on("message", (report: Report) => jobs.get(report.id)?.onReport(report));
  let lastId = 0;
  let isKilled = false;

  return {
    printed: () => printed,
    async kill() {
      isKilled = true;
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await gone;
    },
    async run(job, onStep = () => undefined) {
      lastId += 1;
      const id = lastId;
      const reported = new Promise<Ending>((resolve, reject) => {
        jobs.set(id, {
          onReport(report) {
            if ("step" in report) onStep(report.step);
            else if ("ending" in report) resolve(report.ending);
            else reject(new Error(`the connector failed in its own process (${report.failed})`));
          },
        });
      });
      const ended = gone.then(() => {
        if (isKilled) return "killed" as const;
        throw new Error(
          `the process that runs the connector ended by itself: ${printed.split("\n").find((line) => /Error/.test(line)) ?? ""}`,
        );
      });
      child.send({ id, ...job });
      try {
        return await Promise.race([reported, ended]);
      } finally {
        jobs.delete(id);
      }
    },
  };
}
