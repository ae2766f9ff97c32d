import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const BIN = resolve(import.meta.dirname, "../../bin/patchbay.js");
/** Each process would else compile the same 400 files again: half of its start (https://nodejs.org/api/module.html#module-compile-cache). */
const NODE_COMPILE_CACHE = resolve(import.meta.dirname, "../../node_modules/.cache/patchbay-tests");

export interface PatchbayProcess {
  child: ChildProcess;
  /** Resolves with the next log line whose message is `msg`, each line once; rejects with all output if the process ends first. */
  logged(msg: string): Promise<Record<string, unknown>>;
  /** Sends the signal and resolves with the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  output(): string;
}

/** Starts a role (`["ingress", "--port", "0"]`) as a process of its own; `program` in place of the checkout's sources. Its log lines are JSON on stderr. */
export function startPatchbay(options: { args: string[]; env: Record<string, string>; cwd: string; program?: string[] }): PatchbayProcess {
  const { args, env, cwd, program = [BIN] } = options;
  const child = spawn(process.execPath, [...program, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? "", NODE_COMPILE_CACHE, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const unread: Record<string, unknown>[] = [];
  const waiters = new Map<string, (line: Record<string, unknown>) => void>();
  const ended = once(child, "close");

  const read = (line: string) => {
    lines.push(line);
    if (!line.startsWith("{")) return;
    const parsed = JSON.parse(line);
    const waiter = waiters.get(parsed.msg);
    waiters.delete(parsed.msg);
    if (waiter) waiter(parsed);
    else unread.push(parsed);
  };
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on("line", read);
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => lines.push(line));

  return {
    child,
    output: () => lines.join("\n"),
    logged(msg) {
      const seen = unread.findIndex((line) => line.msg === msg);
      if (seen >= 0) return Promise.resolve(unread.splice(seen, 1)[0] as Record<string, unknown>);
      return Promise.race([
        new Promise<Record<string, unknown>>((done) => waiters.set(msg, done)),
        ended.then(([code]) => Promise.reject(new Error(`patchbay ${args[0]} ended with ${code} before "${msg}":\n${lines.join("\n")}`))),
      ]);
    },
    async end(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await ended;
      return child.exitCode;
    },
  };
}

/** Runs a command to its end. */
export async function runPatchbay(options: {
  args: string[];
  env: Record<string, string>;
  cwd: string;
}): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { args, env, cwd } = options;
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? "", NODE_COMPILE_CACHE, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  await once(child, "close");
  return { code: child.exitCode, stdout, stderr };
}
