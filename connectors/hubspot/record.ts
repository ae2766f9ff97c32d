import { callTitle, e164Of, type SharedCall, truncate, unixMsOf } from "../../src/connector/index.ts";
import { bodyOf, bodyOfText, type CallBody, isPlayable } from "./body.ts";
import { CALL_ID_PROPERTY } from "./call-id.ts";
import { OWNER_PROPERTY } from "./calls/drop-refused-fields.ts";
import { DISPOSITION_PROPERTY, type Dispositions } from "./dispositions.ts";
import type { Trip } from "./item.ts";

const MAX_TITLE_CHARS = 255;

/** A call as HubSpot is to keep it. */
export interface CallRecord {
  /** Never an empty value: HubSpot takes "" for "clear it". */
  properties: Record<string, string>;
  /** The notes that we compose; absent when the route writes its own. */
  body?: CallBody;
}

/**
 * The default mapping, and what the route's `with` says otherwise. What is not known is left out, so that an update blanks nothing.
 * Whom the call is on must be known: its title names her.
 */
export async function composeRecord(trip: Trip, options: { dispositions: Dispositions; signal: AbortSignal }): Promise<void> {
  const { dispositions, signal } = options;
  const { key, call, with: words } = trip.delivery;
  const { title, body, fields = {}, outcome = {} } = words;
  const timestampMs = unixMsOf(call.start_time);
  if (timestampMs === undefined) {
    trip.outcome = { kind: "rejected", code: "start_time", reason: "start_time is not a date that can be read, and HubSpot needs one" };
    return;
  }
  const disposition = await dispositions.valueFor(call, { chosen: outcome, signal });
  if ("outcome" in disposition) {
    trip.outcome = disposition.outcome;
    return;
  }
  if (disposition.isUnknown) trip.leftOut.push({ field: DISPOSITION_PROPERTY, code: "UNKNOWN_LABEL" });
  const composed = body === undefined ? bodyOf(call) : undefined;
  const properties = {
    hs_timestamp: String(timestampMs),
    hs_call_title: truncate(oneLine(title ?? "") || callTitle(call, { name: trip.contacts[0]?.name }), MAX_TITLE_CHARS),
    hs_call_body: composed?.html ?? (body?.trim() ? bodyOfText(body) : ""),
    hs_call_direction: call.direction === "unknown" ? "" : call.direction.toUpperCase(),
    hs_call_duration: String(Math.max(0, Math.round(call.duration_seconds * 1000))),
    hs_call_status: statusOf(call),
    [DISPOSITION_PROPERTY]: disposition.value,
    hs_call_from_number: e164Of(call.from_number) ?? "",
    hs_call_to_number: e164Of(call.to_number) ?? "",
    hs_call_recording_url: call.recording_url && isPlayable(call.recording_url) ? call.recording_url : "",
    // Once: a person may have given the call to somebody else since.
    [OWNER_PROPERTY]: trip.delivery.previous?.extra?.owner ? "" : (trip.ownerId ?? ""),
    ...fields,
    [CALL_ID_PROPERTY]: key,
  };
  trip.record = {
    properties: Object.fromEntries(Object.entries(properties).filter(([, value]) => value.trim() !== "")),
    ...(composed === undefined ? {} : { body: composed }),
  };
}

/** A word that VoiceInfra invents later says nothing about HubSpot's status: then there is none. */
function statusOf(call: SharedCall): string {
  if (call.call_outcome === "answered" || call.call_outcome === "voicemail") return "COMPLETED";
  return call.call_outcome === "failed" ? "FAILED" : "";
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
