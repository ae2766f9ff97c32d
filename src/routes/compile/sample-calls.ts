import type { Call, CallRecord } from "../../model/call.ts";
import type { Agent } from "../../model/describe.ts";
import type { Routes } from "../../route.ts";

/** A call as VoiceInfra documents it or may well send it, and what is particular about it, for people. */
export interface SampleCall {
  what: string;
  call: Call;
}

/** VoiceInfra's documented example; a failed call may lack what is optional, and a withheld number is none. */
const EXAMPLE: CallRecord = {
  call_id: "call_01HXYZ123456",
  from_number: "+14155550100",
  to_number: "+18005551234",
  agent_id: "agent_abc123",
  duration_seconds: 147,
  start_time: "2025-01-15T14:23:00Z",
  end_time: "2025-01-15T14:25:27Z",
  recording_url: "https://recordings.voiceinfra.ai/call_01HXYZ123456.mp3",
  call_outcome: "answered",
  summary: "Customer called to inquire about January 15 appointment. Confirmed appointment at 2pm. No changes requested.",
  unknown: {},
};
const { recording_url: _, summary: __, ...BARE } = EXAMPLE;

const SAMPLES: readonly { what: string; record: CallRecord }[] = [
  { what: "VoiceInfra's documented example", record: EXAMPLE },
  {
    what: "a call with all that is optional",
    record: { ...EXAMPLE, transcript: "Agent: Good morning.\nCaller: Hello, I have a question.", metadata: {} },
  },
  { what: "a failed call, without summary, transcript and recording", record: { ...BARE, duration_seconds: 0, call_outcome: "failed" } },
  {
    what: "a voicemail without transcript",
    record: { ...EXAMPLE, call_outcome: "voicemail", duration_seconds: 12, summary: "Left a message." },
  },
  { what: "a call with a withheld number", record: { ...EXAMPLE, from_number: "" } },
  { what: "a call from a SIP address", record: { ...EXAMPLE, from_number: "sip:reception@example.com" } },
  {
    what: "a call of our own number to a customer",
    record: { ...EXAMPLE, from_number: EXAMPLE.to_number, to_number: EXAMPLE.from_number },
  },
  { what: "a call whose times have no zone", record: { ...EXAMPLE, start_time: "2025-01-15T14:23:00", end_time: "2025-01-15" } },
];

/** The samples, and the documented example for each agent of the file, as a route that reads `source` sees them. */
export function sampleCalls(options: { describe: Routes["describe"]; agents: readonly Agent[]; source: string }): SampleCall[] {
  const { describe, agents, source } = options;
  const ofAgents = agents.map(({ key, id }) => ({ what: `a call of the agent "${key}"`, record: { ...EXAMPLE, agent_id: id } }));
  return [...SAMPLES, ...ofAgents].map(({ what, record }) => ({ what, call: describe(record, source) }));
}
