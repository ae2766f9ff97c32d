/** Things that tests fetch from a registry once per machine, in a folder of the user's cache. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export type Fetched = { folder: string } | { missing: string };

/**
 * A folder that `fetch` has filled, now or on an earlier run. Filled aside and renamed into place: a second process at the same time never
 * sees half of it. `name` says what it is and which version.
 * @param options.fetch throws, or gives what is missing.
 */
export async function fetchedOnce(options: {
  name: string;
  fetch(folder: string): Promise<undefined | { missing: string }>;
}): Promise<Fetched> {
  const folder = join(cacheFolder(), options.name);
  if (existsSync(folder)) return { folder };
  const aside = `${folder}.${process.pid}-${randomBytes(3).toString("hex")}`;
  mkdirSync(aside, { recursive: true });
  try {
    const missing = await options.fetch(aside);
    if (missing) return missing;
    renameSync(aside, folder);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  return { folder };
}

function cacheFolder(): string {
  const base =
    process.env.XDG_CACHE_HOME ??
    (process.platform === "win32"
      ? (process.env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"))
      : join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache"));
  return join(base, "patchbay-tests");
}
