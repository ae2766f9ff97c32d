/** npm packages that only outside checks need, installed once per machine beside the project rather than in it. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Fetched, fetchedOnce } from "../../support/fetched.ts";
import { FETCH_WITHIN_MS, TOO_SLOW } from "./bounds.ts";

const run = promisify(execFile);

export async function npmPackages(packages: Record<string, string>): Promise<Fetched> {
  const version = createHash("sha256").update(JSON.stringify(packages)).digest("hex").slice(0, 12);
  return fetchedOnce({
    name: `npm-${version}`,
    async fetch(folder) {
      writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: packages }));
      try {
        // Without scripts: nothing of theirs runs before a test calls it.
        await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"], {
          cwd: folder,
          timeout: FETCH_WITHIN_MS,
        });
        return undefined;
      } catch (error) {
        const { stderr = "", code, killed } = error as { code?: unknown; killed?: boolean; stderr?: string };
        return {
          missing: `npm could not install ${Object.keys(packages).join(", ")}: ${killed ? TOO_SLOW : (/^npm error code (\S+)/m.exec(stderr)?.[1] ?? String(code))}`,
        };
      }
    },
  });
}

export const requireFrom = (folder: string) => createRequire(join(folder, "package.json"));
