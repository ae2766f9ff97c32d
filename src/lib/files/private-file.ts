import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Every user of this machine can read it: it is open to others, and so is each folder on the way to it. False for what is not there. */
export function isOpenToAll(path: string): boolean {
  // Windows' modes say nothing of other users.
  if (process.platform === "win32" || !allows(path, 0o004)) return false;
  let folder = dirname(resolve(path));
  while (allows(folder, 0o001)) {
    if (folder === dirname(folder)) return true;
    folder = dirname(folder);
  }
  return false;
}

/** It is ours to close: where another owns it, being open to all may be what lets us read it (a mounted secret). */
export function isOurs(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && (stats.uid === process.getuid?.() || stats.gid === process.getgid?.());
}

function allows(path: string, bit: number): boolean {
  try {
    return (statSync(path).mode & bit) !== 0;
  } catch {
    return false;
  }
}

/**
 * The mask for what this process makes: for its user alone, since calls lie in it. Where a platform gives every process another user and the
 * group 0 (OpenShift), the next one must be able to go on with it.
 */
export function privateMask(): number {
  return process.getgid?.() === 0 && process.getuid?.() !== 0 ? 0o007 : 0o077;
}
