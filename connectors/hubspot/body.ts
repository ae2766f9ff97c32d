import { escapeHtml, type SharedCall, truncate } from "../../src/connector/index.ts";

/** Below HubSpot's own maximum, which is not documented (65,536 is reported). */
const MAX_BODY_CHARS = 65_000;
const CUT = " … [cut: the rest does not fit into HubSpot]";

/** A part of the notes that an update must not lose. */
export type BodyPart = "summary" | "recording" | "transcript";

export interface CallBody {
  html: string;
  parts: BodyPart[];
}

/** The notes of a call as HubSpot shows them; everything that comes from the call is escaped. */
export function bodyOf(call: SharedCall): CallBody {
  const parts: BodyPart[] = [];
  const paragraphs: string[] = [];
  if (call.summary) {
    parts.push("summary");
    paragraphs.push(`<p>${linesToHtml(call.summary)}</p>`);
  }
  const facts = [`<strong>Outcome:</strong> ${linesToHtml(call.call_outcome)}`];
  if (call.agent_name) facts.push(`<strong>Agent:</strong> ${linesToHtml(call.agent_name)}`);
  paragraphs.push(`<p>${facts.join("<br>")}</p>`);
  if (call.recording_url) {
    parts.push("recording");
    paragraphs.push(`<p><strong>Recording:</strong> ${linkTo(call.recording_url)}</p>`);
  }
  if (call.transcript) {
    parts.push("transcript");
    paragraphs.push(`<p><strong>Transcript</strong><br>${linesToHtml(call.transcript)}</p>`);
  }
  return { html: bounded(paragraphs.join("")), parts };
}

/** The text of a route's `body`: plain, since a template's values cannot be distinguished from what the route's author wrote. */
export function bodyOfText(text: string): string {
  return bounded(`<p>${linesToHtml(text)}</p>`);
}

/** A newer text above the existing one. */
export function bodyAbove(html: string, existing: string): string {
  return bounded(`${html}<hr>${existing}`);
}

/** Whether the existing text begins with this one: its write may have arrived without an answer. HubSpot may spell the same HTML in another way. */
export function beginsWith(existing: string, html: string): boolean {
  const [there, fresh] = [existing, html].map(bareText) as [string, string];
  const mark = bareText(CUT);
  const uncut = (text: string) => (text.endsWith(mark) ? text.slice(0, -mark.length) : text);
  return there.startsWith(uncut(fresh)) || (there.endsWith(mark) && uncut(fresh).startsWith(uncut(there)));
}

const ENTITIES: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&nbsp;": "", "&amp;": "&" };

/** Matches tags without a "<" inside: otherwise 65,000 of them take twenty seconds. */
function bareText(html: string): string {
  return html
    .replace(/<[^<>]*>/g, "")
    .replace(/&(lt|gt|quot|#39|nbsp|amp);/g, (entity) => ENTITIES[entity] ?? entity)
    .replace(/\s+/g, "");
}

/** HubSpot plays these itself (property `hs_call_recording_url`: https only, .mp3 or .wav); the notes have a link as well. */
export function isPlayable(recordingUrl: string): boolean {
  const url = URL.parse(recordingUrl);
  return url?.protocol === "https:" && /\.(mp3|wav)$/i.test(url.pathname);
}

function linkTo(address: string): string {
  const shown = escapeHtml(address);
  // Only web addresses become links: another one may be a script.
  return /^https?:$/.test(URL.parse(address)?.protocol ?? "") ? `<a href="${shown}">Listen to the call</a>` : shown;
}

function linesToHtml(text: string): string {
  return escapeHtml(text.trim()).replace(/\r\n|\r|\n/g, "<br>");
}

/** Cuts our own HTML: never inside a tag or an entity; tags left open close with the paragraph that HubSpot shows. */
function bounded(html: string): string {
  if (html.length <= MAX_BODY_CHARS) return html;
  const cut = truncate(html, MAX_BODY_CHARS - CUT.length - "</p>".length, "").replace(/<[^<>]*$|&[#a-z0-9]*$/i, "");
  return `${cut}${CUT}</p>`;
}
