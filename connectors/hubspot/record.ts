import { parsePhoneNumberFromString } from "libphonenumber-js";
import { type Delivery, type Outcome, type SharedCall, truncate, unixMsOf } from "../../src/connector.ts";
import { type BodyPart, bodyOf, bodyOfText, type CallBody, isPlayable } from "./body.ts";
import { CALL_ID_PROPERTY } from "./property.ts";
import type { HubSpotWith } from "./with.ts";

/** HubSpot's ready-made call outcomes (property `hs_call_disposition`); an account may have more. */
export const DISPOSITIONS = {
  connected: "f240bbac-87c9-4f6e-bf70-924b57d47db7",
  leftVoicemail: "b2cf5968-551e-4856-9783-52b3da59a7d0",
  noAnswer: "73a0d17f-1163-4015-bdd5-ec830791da20",
};

const MAX_TITLE_CHARS = 255;

/** A call as HubSpot is to keep it. */
export interface CallRecord {
  /** Never an empty value: HubSpot takes "" for "clear it". */
  properties: Record<string, string>;
  /** The notes that we compose; absent when the route writes its own. */
  body?: CallBody;
}

/** The default mapping, and what the route's `with` says otherwise. What is not known is left out, so that an update blanks nothing. */
export function recordOf(delivery: Delivery<HubSpotWith>): CallRecord | { outcome: Outcome } {
  const { key, call } = delivery;
  const { title, body, fields = {}, outcome = {} } = delivery.with;
  const timestampMs = unixMsOf(call.start_time);
  if (timestampMs === undefined) {
    return {
      outcome: { kind: "rejected", code: "start_time", reason: "start_time is not a date that can be read, and HubSpot needs one" },
    };
  }
  const composed = body === undefined ? bodyOf(call) : undefined;
  const properties = {
    hs_timestamp: String(timestampMs),
    hs_call_title: truncate(oneLine(title ?? "") || titleOf(call), MAX_TITLE_CHARS),
    hs_call_body: composed?.html ?? (body?.trim() ? bodyOfText(body) : ""),
    hs_call_direction: call.direction === "unknown" ? "" : call.direction.toUpperCase(),
    hs_call_duration: String(Math.max(0, Math.round(call.duration_seconds * 1000))),
    hs_call_status: statusOf(call),
    hs_call_disposition: dispositionOf(call, outcome),
    hs_call_from_number: e164(call.from_number) ?? "",
    hs_call_to_number: e164(call.to_number) ?? "",
    hs_call_recording_url: call.recording_url && isPlayable(call.recording_url) ? call.recording_url : "",
    ...fields,
    [CALL_ID_PROPERTY]: key,
  };
  return {
    properties: Object.fromEntries(Object.entries(properties).filter(([, value]) => value.trim() !== "")),
    ...(composed === undefined ? {} : { body: composed }),
  };
}

/** Which parts of an earlier version's notes this one does not have, and which it has anew. */
export function comparedParts(before: BodyPart[], now: BodyPart[]): { lost: boolean; gained: boolean } {
  return { lost: before.some((part) => !now.includes(part)), gained: now.some((part) => !before.includes(part)) };
}

function titleOf(call: SharedCall): string {
  const agent = call.agent_name ? ` (${oneLine(call.agent_name)})` : "";
  const numbersShared = call.from_number !== undefined;
  const from = numbersShared ? ` from ${e164(call.from_number) ?? "an unknown number"}` : "";
  const to = numbersShared ? ` to ${e164(call.to_number) ?? "an unknown number"}` : "";
  if (call.direction === "inbound") return `AI call: inbound${from}${agent}`;
  if (call.direction === "outbound") return `AI call: outbound${to}${agent}`;
  return numbersShared ? `AI call:${from}${to}${agent}` : `AI call${agent}`;
}

/** A word that VoiceInfra invents later says nothing about HubSpot's status: then there is none. */
function statusOf(call: SharedCall): string {
  if (call.call_outcome === "answered" || call.call_outcome === "voicemail") return "COMPLETED";
  return call.call_outcome === "failed" ? "FAILED" : "";
}

function dispositionOf(call: SharedCall, chosen: Record<string, string>): string {
  const choice = Object.hasOwn(chosen, call.call_outcome) ? chosen[call.call_outcome] : undefined;
  if (choice !== undefined) return choice === "none" ? "" : choice;
  if (call.call_outcome === "answered") return DISPOSITIONS.connected;
  if (call.call_outcome === "failed") return DISPOSITIONS.noAnswer;
  return call.call_outcome === "voicemail" && call.direction === "outbound" ? DISPOSITIONS.leftVoicemail : "";
}

/** In E.164, or undefined: a withheld number, a SIP address. */
function e164(number: string | undefined): string | undefined {
  if (number === undefined || !/^\+?[\d\s().-]{5,}$/.test(number)) return undefined;
  return parsePhoneNumberFromString(number)?.number;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
