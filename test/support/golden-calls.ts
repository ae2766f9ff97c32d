import type { SharedCall } from "../../src/connector/index.ts";
import { documentedCall } from "./documented-call.ts";

const transcript = (length: number) =>
  "Agent: Thank you for calling, how may I help?\nCaller: I would like to move my appointment.\n"
    .repeat(Math.ceil(length / 92))
    .slice(0, length);

/**
 * The dozen calls whose requests every connector keeps as golden files: what a real week brings, and what somebody may try.
 * All of it is made up.
 */
export const GOLDEN_CALLS: Record<string, SharedCall> = {
  answered: documentedCall({ recording_url: "https://recordings.example.com/call_01.mp3" }),
  voicemail: documentedCall({
    call_id: "call_voicemail",
    call_outcome: "voicemail",
    direction: "outbound",
    ...swapped(),
    duration_seconds: 22,
  }),
  "failed, without transcript": bare("call_failed", { call_outcome: "failed", duration_seconds: 0 }),
  "withheld number": documentedCall({ call_id: "call_withheld", from_number: "anonymous", customer_number: "" }),
  "non-Latin names": documentedCall({
    call_id: "call_names",
    agent_name: "佐藤さん",
    summary: "Łukasz Żółć и Наталия обсудили 契約の更新。",
  }),
  "right-to-left text": documentedCall({ call_id: "call_rtl", summary: "הלקוח ביקש לדחות את הפגישה \u202e123 ليوم الاثنين" }),
  emoji: documentedCall({ call_id: "call_emoji", summary: "Very happy 🎉👩‍👩‍👧‍👦 with the 🇩🇪 offer 👍🏽" }),
  "200 KB transcript": documentedCall({ call_id: "call_long", transcript: transcript(200_000) }),
  "HTML in the summary": documentedCall({
    call_id: "call_html",
    summary: '<script>alert("x")</script> & <b>bold</b> <img src=x onerror=alert(1)>',
  }),
  "Slack mark-up in the summary": documentedCall({
    call_id: "call_slack",
    summary: "<!channel> <@U012> *bold* `code` [link](https://example.com) @here",
  }),
  "formula in the summary": documentedCall({ call_id: "call_formula", summary: "=cmd|'/c calc'!A1" }),
  "odd metadata": documentedCall({
    call_id: "call_odd",
    metadata: { campaign: "spring", deep: { er: [{ list: [1, null, "x"] }] }, "key with spaces": true, __proto__x: "y", empty: {} },
  }),
  "late summary": documentedCall({ call_id: "call_01HXYZ123456", summary: "A summary that came later, and says more." }),
  "corrected duration": documentedCall({ call_id: "call_01HXYZ123456", duration_seconds: 150 }),
};

function swapped(): Partial<SharedCall> {
  return { from_number: "+18005551234", to_number: "+14155550100", customer_number: "+14155550100" };
}

function bare(callId: string, changes: Partial<SharedCall>): SharedCall {
  const { summary: _, recording_url: __, transcript: ___, ...call } = documentedCall({ call_id: callId, ...changes });
  return call;
}
