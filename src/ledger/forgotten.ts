/** Calls that were forgotten on request: the ledger keeps a hash of each, and no process is sent the list. */
import { hash } from "node:crypto";

/** Why a route skips such a call. */
export const FORGOTTEN_REASON = "forgotten on request";

/** Identifies a call that must not be delivered again, without naming it: SHA-256 in hex. */
export function forgottenHash(source: string, callId: string): string {
  return hash("sha256", `${source}\n${callId}`, "hex");
}
