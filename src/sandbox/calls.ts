import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

/** The call record that VoiceInfra documents, byte for byte. */
export function documentedExample(): Buffer {
  return readFileSync(new URL("./calls/voiceinfra-call.example.json", import.meta.url));
}

interface Sample {
  from_number: string;
  to_number: string;
  agent_id: string;
  duration_seconds: number;
  call_outcome: string;
  recording_url?: string;
  transcript?: string;
  summary?: string;
  metadata?: Record<string, unknown>;
}

const OURS = "+18005551234";

/** A dozen calls that differ in all that matters: direction, outcome, what is missing, scripts, mark-up. Numbers are fictional (555-01xx). */
const SAMPLES: Sample[] = [
  {
    from_number: "+14155550101",
    to_number: OURS,
    agent_id: "agent_abc123",
    duration_seconds: 312,
    call_outcome: "answered",
    recording_url: "https://recordings.voiceinfra.ai/sample-1.mp3",
    summary: "Asked for a quote for twelve seats. Wants a call back on Thursday morning.",
    transcript: "Agent: Good morning, how can I help?\nCaller: I would like a quote for twelve seats.",
    metadata: { campaign: "spring", ticket: 4711 },
  },
  {
    from_number: OURS,
    to_number: "+14155550102",
    agent_id: "agent_abc123",
    duration_seconds: 38,
    call_outcome: "voicemail",
    recording_url: "https://recordings.voiceinfra.ai/sample-2.mp3",
    summary: "Left a voicemail about the renewal and asked for a call back.",
  },
  { from_number: OURS, to_number: "+14155550103", agent_id: "agent_abc123", duration_seconds: 0, call_outcome: "failed" },
  {
    from_number: "anonymous",
    to_number: OURS,
    agent_id: "agent_support",
    duration_seconds: 95,
    call_outcome: "answered",
    summary: "Caller with a withheld number asked about opening hours.",
  },
  {
    from_number: "+442079460104",
    to_number: OURS,
    agent_id: "agent_support",
    duration_seconds: 641,
    call_outcome: "answered",
    summary: "Reported that <b>invoices</b> show the wrong VAT & asked for a correction. <!channel>",
    recording_url: "https://recordings.voiceinfra.ai/sample-5.wav",
  },
  {
    from_number: "+4930230125105",
    to_number: OURS,
    agent_id: "agent_abc123",
    duration_seconds: 203,
    call_outcome: "answered",
    summary: "Frau Jäger möchte den Termin auf Freitag verschieben. 👍",
    metadata: { campaign: "berlin" },
  },
  {
    from_number: "+81312345106",
    to_number: OURS,
    agent_id: "agent_support",
    duration_seconds: 77,
    call_outcome: "answered",
    summary: "山田さんから納期についてのお問い合わせ。",
  },
  {
    from_number: "sip:reception@example.com",
    to_number: OURS,
    agent_id: "agent_support",
    duration_seconds: 12,
    call_outcome: "answered",
    summary: "Wrong department, transferred.",
  },
  {
    from_number: OURS,
    to_number: "+14155550101",
    agent_id: "agent_abc123",
    duration_seconds: 128,
    call_outcome: "answered",
    summary: "Agreed to send the contract today.",
    metadata: { campaign: "spring", deep: { list: [1, 2, { three: true }] } },
  },
  {
    from_number: "+14155550107",
    to_number: OURS,
    agent_id: "agent_new",
    duration_seconds: 45,
    call_outcome: "transferred",
    summary: "Handed over to a person.",
  },
  {
    from_number: "+14155550108",
    to_number: OURS,
    agent_id: "agent_abc123",
    duration_seconds: 1804,
    call_outcome: "answered",
    summary: "=cmd|' /C calc'!A0 was read out as a joke. Long demo, very interested.",
  },
  {
    from_number: "+14155550102",
    to_number: OURS,
    agent_id: "agent_abc123",
    duration_seconds: 22,
    call_outcome: "answered",
    summary: "Returned the call, asked to be called tomorrow.",
  },
];

export const SAMPLE_COUNT = SAMPLES.length;

/** The `index`-th sample (they repeat) as VoiceInfra would send it, with an id of its own and ending now. */
export function sampleCall(index: number, nowMs = Date.now()): Record<string, unknown> {
  const sample = SAMPLES[index % SAMPLES.length] as Sample;
  const { from_number, to_number, agent_id, duration_seconds, ...rest } = sample;
  return {
    call_id: `call_${nowMs.toString(36)}_${randomBytes(4).toString("hex")}`,
    from_number,
    to_number,
    agent_id,
    duration_seconds,
    start_time: new Date(nowMs - duration_seconds * 1000).toISOString(),
    end_time: new Date(nowMs).toISOString(),
    ...rest,
  };
}
