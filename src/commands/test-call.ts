import { randomBytes } from "node:crypto";
import type { CallRecord } from "../model/call.ts";
import { parseRecord } from "../model/record.ts";
import { sampleCall } from "../sandbox/calls.ts";

/** What everybody reads who finds it. */
export const TEST_SUMMARY = "Test call from Patchbay, safe to delete";
/** As a summary that comes late: still marked. */
export const LATE_WORDS = "this summary came later";
const LATE_SUMMARY = `${TEST_SUMMARY}: ${LATE_WORDS}`;

/** The same call as VoiceInfra sends it again once its summary is better. */
export function lateVersion(call: CallRecord): CallRecord {
  return { ...call, summary: LATE_SUMMARY };
}

/**
 * A call between made-up numbers (555-01xx), half a minute long, that says what it is wherever a person may see it. Without a recording: some
 * destinations would fetch it.
 */
export function testCall(nowMs = Date.now()): CallRecord {
  const { recording_url: _, ...sample } = sampleCall(0, nowMs);
  const fields = {
    ...sample,
    call_id: `test_patchbay_${nowMs.toString(36)}_${randomBytes(3).toString("hex")}`,
    agent_id: "patchbay test",
    duration_seconds: 30,
    start_time: new Date(nowMs - 30_000).toISOString(),
    summary: TEST_SUMMARY,
    transcript: `Agent: This is a test.\nCaller: ${TEST_SUMMARY}.`,
    // Whatever own_numbers says, one side is the customer.
    metadata: { direction: "inbound", test: true },
  };
  const parsed = parseRecord(Buffer.from(JSON.stringify(fields)));
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.record;
}
