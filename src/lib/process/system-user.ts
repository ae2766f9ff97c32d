import { hostname, userInfo } from "node:os";

/** The user of the system that this process runs as, and the machine: `deploy@vm-3`. Not what the environment says, which anybody may set. */
export function systemUser(): string {
  const { uid, username } = userOf();
  return `${username || `uid ${uid}`}@${hostname()}`;
}

/** A container's user may have no name. */
function userOf(): { uid: number; username: string } {
  try {
    return userInfo();
  } catch {
    return { uid: process.getuid?.() ?? -1, username: "" };
  }
}
