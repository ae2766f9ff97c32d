import type { ActionsBlock, HeaderBlock, KnownBlock, MessageMetadata, SectionBlock } from "@slack/web-api";
import { type Delivery, type SharedCall, truncate } from "../../src/connector.ts";
import { authorsText, durationText, escaped, timeText } from "./text.ts";

/** A route's `with`. */
export interface SlackWith {
  channel: string;
  text?: string | undefined;
}

export interface Message {
  /** What notifications and screen readers get. */
  text: string;
  blocks: KnownBlock[];
  metadata: MessageMetadata;
}

/**
 * Block Kit's limits (docs.slack.dev/reference/block-kit/blocks). The sum over all blocks has an undocumented limit near 13,200
 * (slackapi/bolt-js issue 2509): 150 + 4 × 300 + 3,000 stay far below.
 */
const HEADER_LENGTH = 150;
const SECTION_LENGTH = 3_000;
const FIELD_LENGTH = 300;
const URL_LENGTH = 3_000;
/** A summary to read, not a transcript: more is cut. */
const SUMMARY_LENGTH = 1_500;
const NOTIFICATION_LENGTH = 500;

/** By which we know our own messages again. */
export const EVENT_TYPE = "voice_call_summary";

/** The summary of a call as Slack takes it: the route's own text, or header, facts, summary and a button for the recording. */
export function messageOf(delivery: Delivery<SlackWith>, options: { timezone: string }): Message {
  const { key, call } = delivery;
  const metadata = { event_type: EVENT_TYPE, event_payload: { call_id: call.call_id, source: call.source, key } };
  const own = authorsText(delivery.with.text?.trim() ?? "", SECTION_LENGTH);
  if (own !== "") return { text: own, blocks: [section(own)], metadata };

  const title = titleOf(call);
  const summary = call.summary?.trim() ?? "";
  const blocks: KnownBlock[] = [header(title), facts(call, options.timezone)];
  // Cut before it is escaped: what is read counts, and escapes cannot push it over a section's limit.
  if (summary !== "") blocks.push(section(escaped(truncate(summary, SUMMARY_LENGTH), SECTION_LENGTH)));
  const recording = recordingButton(call.recording_url);
  if (recording) blocks.push(recording);
  return { text: escaped(summary === "" ? title : `${title}: ${summary}`, NOTIFICATION_LENGTH), blocks, metadata };
}

const DIRECTIONS: Record<SharedCall["direction"], string> = { inbound: "Inbound call", outbound: "Outbound call", unknown: "Call" };

/** `Inbound call · +14155550100 · answered` */
function titleOf(call: SharedCall): string {
  const parts = [DIRECTIONS[call.direction], otherSide(call), call.call_outcome].filter((part) => part !== undefined && part !== "");
  return parts.join(" · ").replace(/\s+/g, " ");
}

/** The customer's number, or what stands in its place (`anonymous`, a SIP address); undefined when the route withholds numbers. */
function otherSide(call: SharedCall): string | undefined {
  const written = call.direction === "outbound" ? call.to_number : call.from_number;
  return call.customer_number || written || (written === undefined ? undefined : "unknown number");
}

/** A header is plain text: Slack reads no mark-up in it, and would print an escape as it stands. */
function header(title: string): HeaderBlock {
  return { type: "header", text: { type: "plain_text", text: truncate(title, HEADER_LENGTH).toWellFormed(), emoji: false } };
}

/** `verbatim`: else Slack makes links and mentions of its own from `@here` and `#channel`. */
function section(mrkdwn: string): SectionBlock {
  return { type: "section", text: { type: "mrkdwn", text: mrkdwn, verbatim: true } };
}

function facts(call: SharedCall, timezone: string): SectionBlock {
  const named: [string, string | undefined][] = [
    ["Number", otherSide(call)],
    ["Duration", durationText(call.duration_seconds)],
    ["Agent", call.agent_name],
    ["Time", timeText(call.start_time, timezone)],
  ];
  const fields = named.flatMap(([name, value]) =>
    value ? [{ type: "mrkdwn" as const, text: `*${name}*\n${escaped(value, FIELD_LENGTH - 12)}`, verbatim: true }] : [],
  );
  return { type: "section", fields };
}

/** Only https, and only what a button takes: an address that is neither is left out, not the message. */
function recordingButton(url: string | undefined): ActionsBlock | undefined {
  if (!url || url.length > URL_LENGTH || URL.parse(url)?.protocol !== "https:") return undefined;
  const text = { type: "plain_text" as const, text: "Recording", emoji: false };
  return { type: "actions", elements: [{ type: "button", action_id: "recording", text, url }] };
}
