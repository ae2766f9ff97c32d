import { existsSync, globSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Sandbox, SandboxOptions } from "../../../src/connector/index.ts";

/** The stand-in is the thing itself: a folder, which begins empty. There is no API between, so that there are no limits and no latency either. */
export function createSandbox(_options: SandboxOptions = {}): Sandbox {
  let root: string | undefined;

  return {
    example: {},
    settings({ folder }) {
      root = join(folder, "archive");
      rmSync(root, { recursive: true, force: true });
      return { url: `file:${root}` };
    },
    async records() {
      if (root === undefined || !existsSync(root)) return [];
      const names = globSync("calls/v1/*/*/*.json", { cwd: root });
      const files = names.map((name) => {
        const path = join(root ?? "", name);
        return { name, bytes: readFileSync(path), writtenAtMs: statSync(path).mtimeMs };
      });
      return files
        .toSorted((a, b) => a.writtenAtMs - b.writtenAtMs)
        .map(({ name, bytes }) => {
          const body = JSON.parse(bytes.toString("utf8"));
          return { key: String(body.delivery_key), id: name.replaceAll("\\", "/"), line: `${name} · ${bytes.byteLength} bytes`, body };
        });
    },
  };
}
