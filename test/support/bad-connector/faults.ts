/** What connectors get wrong, one at a time. `none` is the same connector without a fault. */
export const BAD_FAULTS = [
  "none",
  "takes 429 for delivered",
  "waits less than Retry-After says",
  "tries again by itself",
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
  "ignores the signal",
  "answers for fewer calls than it was given",
] as const;
export type BadFault = (typeof BAD_FAULTS)[number];
