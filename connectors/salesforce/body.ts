import { type SharedCall, truncate, unixMsOf } from "../../src/connector/index.ts";
import { clockIn, dayIn, timeIn } from "./time.ts";

const CUT = "\n[… cut here: Salesforce takes no more]";
/** Less room than this is not worth the beginning of a transcript. */
const MIN_TRANSCRIPT = 500;

/** The Task's Comments: the summary, the facts, and last the transcript, which is cut first. Absent parts leave no empty line. */
export function descriptionOf(call: SharedCall, options: { timezone: string; maxLength: number }): string {
  const { timezone, maxLength } = options;
  const facts = factsOf(call, timezone).join("\n");
  const summary = plainText(call.summary ?? "", maxLength - facts.length - 2);
  const head = [summary, facts].filter((part) => part !== "").join("\n\n");
  const room = maxLength - head.length - "\n\nTranscript\n".length;
  const transcript = room < MIN_TRANSCRIPT ? "" : plainText(call.transcript ?? "", room);
  return transcript === "" ? head : `${head}\n\nTranscript\n${transcript}`;
}

/** A part that one version of a call may bring and another may lack. */
export type NotePart = "summary" | "recording" | "transcript";

export function partsOf(call: SharedCall): NotePart[] {
  const parts: [NotePart, string | undefined][] = [
    ["summary", call.summary],
    ["recording", call.recording_url],
    ["transcript", call.transcript],
  ];
  return parts.flatMap(([part, text]) => (text?.trim() ? [part] : []));
}

/** The newer text above the older one, cut at its end. */
export function above(newer: string, older: string, maxLength: number): string {
  return older === "" ? newer : plainText(`${newer}\n\nEarlier\n${older}`, maxLength);
}

/** Whether the newer text is already above the existing one; the cut may be within the newer text itself. */
export function standsAbove(newer: string, standing: string): boolean {
  return standing.replace(/\r\n?/g, "\n").startsWith(newer.endsWith(CUT) ? newer.slice(0, -CUT.length) : newer);
}

/** Without control characters and halves of a character, which Salesforce refuses, and cut, with a visible mark, at `maxLength`. */
export function plainText(text: string, maxLength: number, mark = CUT): string {
  const clean = text
    .replace(/\r\n?/g, "\n")
    .replace(/(?![\n\t])\p{Cc}/gu, "")
    .toWellFormed()
    .trim();
  return truncate(clean, maxLength, mark);
}

function factsOf(call: SharedCall, timezone: string): string[] {
  const lines: [string, string | undefined][] = [
    ["Time", spanOf(call, timezone)],
    ["Duration", durationOf(call.duration_seconds)],
    ["From", call.from_number],
    ["To", call.to_number],
    ["Agent", call.agent_name],
    ["Outcome", call.call_outcome],
    ["Recording", call.recording_url],
    ["Call id", call.call_id],
  ];
  return lines.flatMap(([name, value]) => (value ? [`${name}: ${plainText(value.replace(/\s+/g, " "), 1_000, "…")}`] : []));
}

/** `2025-01-15 15:23:00 to 15:25:27 (Europe/Berlin)`. A Task has a day only: the time of day is here. */
function spanOf(call: SharedCall, timezone: string): string {
  const [startMs, endMs] = [unixMsOf(call.start_time), unixMsOf(call.end_time)];
  if (startMs === undefined) return "";
  const start = timeIn(startMs, timezone);
  if (endMs === undefined) return `${start} (${timezone})`;
  const isSameDay = dayIn(startMs, timezone) === dayIn(endMs, timezone);
  return `${start} to ${isSameDay ? clockIn(endMs, timezone) : timeIn(endMs, timezone)} (${timezone})`;
}

/** `2 min 27 s` */
function durationOf(seconds: number): string {
  const whole = Math.round(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 3600), "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  return (
    parts
      .filter(([count]) => count > 0)
      .map(([count, unit]) => `${count} ${unit}`)
      .join(" ") || "0 s"
  );
}
