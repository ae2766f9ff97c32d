import type { Connector } from "../../../src/connector/index.ts";

/** What connectors get wrong, one at a time. The first have no fault: one each of the protections from a second record, and an API whose updates answer nothing. */
export const BAD_FAULTS = [
  "none",
  "none, with a look-up",
  "none, without protection",
  "none, updates answer 204",
  "takes 429 for delivered",
  "waits less than Retry-After says",
  "tries again by itself",
  "tries again by itself, a batch at a time",
  "gives a call up on 5xx",
  "takes a page of HTML with 200 for delivered",
  "says rejected when its token has expired",
  "gives every call of a batch the first one's outcome",
  "mixes up whose record is whose",
  "sends a key once that comes twice, and refuses the other",
  "creates instead of upserting",
  "blanks what an update lacks",
  "quotes what the vendor says",
  "puts the number into its receipts",
  "prints the call",
  "takes a look-up without an answer for nothing there",
  "tries again what may have arrived",
  "writes anew what it could not read",
  "ignores the signal",
  "answers for fewer calls than it was given",
  "follows an answer to another host",
] as const;
export type BadFault = (typeof BAD_FAULTS)[number];

const WITHOUT_KEY: Partial<Record<BadFault, Connector["duplicates"]>> = {
  "none, with a look-up": "find",
  "takes a look-up without an answer for nothing there": "find",
  "none, without protection": "none",
  "tries again what may have arrived": "none",
};

export const redirectWith = (fault: BadFault) => (fault === "follows an answer to another host" ? "follow" : "manual");

/** Without a native key each write creates, one call at a time. */
export function duplicatesWith(fault: BadFault): Connector["duplicates"] {
  return WITHOUT_KEY[fault] ?? "native-key";
}
