import { type Call, SHAREABLE, SHARED_FIELDS, type Share, type SharedCall } from "../../model/call.ts";
import { RECORD_FIELDS } from "./template-fields.ts";

/** A call without what its route withholds. Fields in no list of `SHARED_FIELDS` always go. */
export function shareCall(call: Call, share: readonly Share[]): SharedCall {
  const shared: Partial<Call> = { ...call };
  for (const word of SHAREABLE) {
    if (share.includes(word)) continue;
    for (const field of SHARED_FIELDS[word]) delete shared[field];
  }
  return shared as SharedCall;
}

/** Names of the record's own fields that a destination sees and that are present. */
export function sentFieldsOf(shared: SharedCall): string[] {
  return RECORD_FIELDS.filter((field) => {
    const value = shared[field];
    return value !== undefined && value !== "" && value !== null;
  });
}
