/** The calls of the kit: VoiceInfra's documented example, with words in it that must appear nowhere else. */
import type { Call, CallRecord } from "../model/call.ts";
import { documentedExample } from "../sandbox/calls.ts";

/** Texts of the call that no outcome may repeat, and that an update must not lose. */
export const WORDS = {
  summary: "asked for a quote of marzipan",
  laterSummary: "decided on persimmons after all",
  transcript: "Agent: hello. Caller: the word is pomegranate.",
  recording: "https://recordings.example.com/quince-medlar.mp3",
} as const;

export const SOURCE = "voiceinfra";
const OUR_NUMBER = "+18005551234";
/** The national digits of the calls' numbers, in any notation. */
export const NUMBER_DIGITS = /\+?1?[ (.-]*415[ ).-]*555[ .-]*01\d\d|800[ ).-]*555[ .-]*1234/;

/** One call of the documented example's customer; each `index` is another call, with a number of its own. Fictional numbers (555-01xx). */
export function certifyRecord(index = 0, changes: Partial<CallRecord> = {}): CallRecord {
  const { summary: _, transcript: __, recording_url: ___, ...record } = JSON.parse(documentedExample().toString());
  return {
    ...record,
    call_id: `call_certify_${index}`,
    from_number: `+1415555${String(100 + index).padStart(4, "0")}`,
    to_number: OUR_NUMBER,
    summary: `Caller ${WORDS.summary}.`,
    unknown: {},
    ...changes,
  };
}

/** As routes.yaml would describe it: an inbound call of the sales line. */
export function describeCall(record: CallRecord, source: string): Call {
  return {
    ...record,
    source,
    agent: "sales",
    agent_name: "Sales line",
    agent_owner: "",
    direction: "inbound",
    customer_number: record.from_number,
    test: false,
  };
}

/** A call whose summary comes later: the first version has what the second one lacks. */
export function twoVersions(): { first: CallRecord; second: CallRecord } {
  const { summary: _, ...bare } = certifyRecord();
  return {
    first: { ...bare, transcript: WORDS.transcript, recording_url: WORDS.recording },
    second: { ...bare, summary: `Caller ${WORDS.laterSummary}.` },
  };
}
