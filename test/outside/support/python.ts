/** Python packages of vendors, in a virtual environment of their own that is made once per machine. */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { type Fetched, fetchedOnce } from "../../support/fetched.ts";
import { FETCH_WITHIN_MS, TOO_SLOW } from "./bounds.ts";

const run = promisify(execFile);

/** Pinned: what a newer one says is for a day on which somebody looks. */
const PACKAGES = ["moto[server,s3]==5.2.5", "slack_sdk==3.48.0", "standardwebhooks==1.1.0", "svix==2.9.1"];

export async function pythonPackages(): Promise<Fetched> {
  const version = createHash("sha256").update(PACKAGES.join()).digest("hex").slice(0, 12);
  return fetchedOnce({
    name: `python-${version}`,
    async fetch(folder) {
      try {
        // A virtual environment cannot be moved: the packages alone are, and Python is shown where they lie.
        await run("python3", ["-m", "venv", join(folder, "venv")], { timeout: 60_000 });
        const pip = [
          join(folder, "venv/bin/pip"),
          "install",
          "-q",
          "--disable-pip-version-check",
          "--target",
          join(folder, "packages"),
        ] as const;
        await run(pip[0], [...pip.slice(1), ...PACKAGES], { timeout: FETCH_WITHIN_MS, maxBuffer: 64_000_000 });
        rmSync(join(folder, "venv"), { recursive: true });
        return undefined;
      } catch (error) {
        const { code, killed, stderr = "" } = error as { code?: unknown; killed?: boolean; stderr?: string };
        if (code === "ENOENT") return { missing: "there is no python3; install it with its venv module" };
        return {
          missing: `Python's packages could not be installed: ${killed ? TOO_SLOW : stderr.trim().split("\n").at(-1) || String(code)}`,
        };
      }
    },
  });
}

export const pythonEnv = (folder: string) => ({
  PATH: process.env.PATH ?? "",
  PYTHONPATH: join(folder, "packages"),
  PYTHONDONTWRITEBYTECODE: "1",
});

/** Runs a program that reads JSON from its input and writes JSON. @throws with what it wrote to stderr. */
export async function askPython<Answer>(options: { folder: string; program: string; input: unknown }): Promise<Answer> {
  const { folder, program, input } = options;
  const python = spawn("python3", ["-c", program], { env: pythonEnv(folder), stdio: ["pipe", "pipe", "pipe"] });
  const ended = once(python, "close");
  python.stdin.end(JSON.stringify(input));
  const [out, errors] = await Promise.all([text(python.stdout), text(python.stderr)]);
  const [code] = await ended;
  if (code !== 0) throw new Error(`python ended with ${code}: ${errors}`);
  return JSON.parse(out) as Answer;
}
