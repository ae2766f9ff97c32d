/** The calls that the kit sends: VoiceInfra's documented example with words in it that must turn up nowhere else. */
import type { Call } from "../model/call.ts";
import { documentedExample } from "../sandbox/calls.ts";

/** Texts of the call that no outcome may repeat, and that an update must not lose. */
export const WORDS = {
  summary: "asked for a quote of marzipan",
  laterSummary: "decided on persimmons after all",
  transcript: "Agent: hello. Caller: the word is pomegranate.",
  recording: "https://recordings.example.com/quince-medlar.mp3",
} as const;

const OUR_NUMBER = "+18005551234";
/** What stands of a number however it is written: the national digits. */
export const NUMBER_DIGITS = /\+?1?[ (.-]*415[ ).-]*555[ .-]*01\d\d|800[ ).-]*555[ .-]*1234/;

/** One call of the documented example's customer; `index` makes others, each with a number of its own. Fictional numbers (555-01xx). */
export function certifyCall(index = 0, changes: Partial<Call> = {}): Call {
  const number = `+1415555${String(100 + index).padStart(4, "0")}`;
  const { summary: _, transcript: __, recording_url: ___, ...record } = JSON.parse(documentedExample().toString());
  return {
    ...record,
    call_id: `call_certify_${index}`,
    from_number: number,
    to_number: OUR_NUMBER,
    summary: `Caller ${WORDS.summary}.`,
    source: "voiceinfra",
    agent: "sales",
    agent_name: "Sales line",
    agent_owner: "",
    direction: "inbound",
    customer_number: number,
    test: false,
    unknown: {},
    ...changes,
  };
}

/** A call whose summary comes later: the first version has what the second one lacks. */
export function twoVersions(): { first: Call; second: Call } {
  const { summary: _, ...bare } = certifyCall();
  return {
    first: { ...bare, transcript: WORDS.transcript, recording_url: WORDS.recording },
    second: { ...bare, summary: `Caller ${WORDS.laterSummary}.` },
  };
}
