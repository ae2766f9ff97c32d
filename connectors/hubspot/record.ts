import { callTitle, e164Of, type SharedCall, truncate, unixMsOf } from "../../src/connector/index.ts";
import { bodyOf, bodyOfText, isPlayable } from "./body.ts";
import { CALL_ID_PROPERTY } from "./call-id.ts";
import { OWNER_PROPERTY } from "./calls/drop-refused-fields.ts";
import { DISPOSITION_PROPERTY, type Dispositions } from "./dispositions.ts";
import type { CallItem } from "./item.ts";

const MAX_TITLE_CHARS = 255;

/**
 * Sets the call's properties: the default mapping, changed by the route's `with`. Unknown values are left out, so that an update blanks nothing.
 * Call it after the contact is resolved: the default title contains its name.
 */
export async function composeRecord(item: CallItem, options: { dispositions: Dispositions; signal: AbortSignal }): Promise<void> {
  const { dispositions, signal } = options;
  const { key, call, with: words } = item.delivery;
  const { title, body, fields = {}, outcome = {} } = words;
  const timestampMs = unixMsOf(call.start_time);
  if (timestampMs === undefined) {
    item.outcome = { kind: "rejected", code: "start_time", reason: "start_time is not a date that can be read, and HubSpot needs one" };
    return;
  }
  const disposition = await dispositions.valueFor(call, { chosen: outcome, signal });
  if ("outcome" in disposition) {
    item.outcome = disposition.outcome;
    return;
  }
  if (disposition.isUnknown) item.leftOut.push({ field: DISPOSITION_PROPERTY, code: "UNKNOWN_LABEL" });
  const composed = body === undefined ? bodyOf(call) : undefined;
  const properties = {
    hs_timestamp: String(timestampMs),
    hs_call_title: truncate(oneLine(title ?? "") || callTitle(call, { name: item.contacts[0]?.name }), MAX_TITLE_CHARS),
    hs_call_body: composed?.html ?? (body?.trim() ? bodyOfText(body) : ""),
    hs_call_direction: call.direction === "unknown" ? "" : call.direction.toUpperCase(),
    hs_call_duration: String(Math.max(0, Math.round(call.duration_seconds * 1000))),
    hs_call_status: statusOf(call),
    [DISPOSITION_PROPERTY]: disposition.value,
    hs_call_from_number: e164Of(call.from_number) ?? "",
    hs_call_to_number: e164Of(call.to_number) ?? "",
    hs_call_recording_url: call.recording_url && isPlayable(call.recording_url) ? call.recording_url : "",
    // Written once: a person may have given the call to another owner since.
    [OWNER_PROPERTY]: item.delivery.previous?.extra?.owner ? "" : (item.ownerId ?? ""),
    ...fields,
    [CALL_ID_PROPERTY]: key,
  };
  item.properties = Object.fromEntries(Object.entries(properties).filter(([, value]) => value.trim() !== ""));
  item.body = composed;
}

/** An outcome that VoiceInfra adds later says nothing about HubSpot's status, and sets none. */
function statusOf(call: SharedCall): string {
  if (call.call_outcome === "answered" || call.call_outcome === "voicemail") return "COMPLETED";
  return call.call_outcome === "failed" ? "FAILED" : "";
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
