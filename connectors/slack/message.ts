import type { KnownBlock, MessageMetadata } from "@slack/web-api";
import {
  customerLabel,
  type Delivery,
  formatDuration,
  formatTime,
  type Related,
  type SharedCall,
  truncate,
} from "../../src/connector/index.ts";
import { buttons, facts, header, section } from "./blocks.ts";
import type { SlackWith } from "./mapping.ts";
import { metadataOf } from "./metadata.ts";
import { authorsText, escaped } from "./text.ts";

export interface Message {
  /** What notifications and screen readers get. */
  text: string;
  blocks: KnownBlock[];
  metadata: MessageMetadata;
}

/** Of a section (docs.slack.dev/reference/block-kit/blocks/section-block). */
const SECTION_LENGTH = 3_000;
/** Of all blocks as JSON. Slack has an undocumented limit near 13,200 (slackapi/bolt-js issue 2509). */
const BLOCKS_LENGTH = 10_000;
/** A summary to read, not a transcript: more is cut. */
const SUMMARY_LENGTH = 1_500;
const NOTIFICATION_LENGTH = 500;

export interface MessageOptions {
  timezone: string;
  /** The Slack user to mention. */
  ownerId?: string | undefined;
  /** What the message's thread is known by. */
  customer?: string | undefined;
}

/** The summary of a call as Slack takes it: the route's own text, or header, facts, summary and buttons. */
export function messageOf(delivery: Delivery<SlackWith>, options: MessageOptions): Message {
  const { call, related } = delivery;
  const { timezone, ownerId, customer } = options;
  const metadata = metadataOf(delivery, customer);
  const mention = ownerId === undefined ? "" : `<@${ownerId}>`;

  const own = authorsText(delivery.with.text?.trim() ?? "", SECTION_LENGTH - mention.length - 1);
  if (own !== "") {
    const text = mention === "" ? own : `${mention} ${own}`;
    return { text, blocks: [section(text)], metadata };
  }

  const title = titleOf(call, related);
  const summary = call.summary?.trim() ?? "";
  const around: KnownBlock[] = [
    header(title),
    facts([
      { name: "Customer", value: related?.person?.name, url: related?.person?.url },
      { name: "Number", value: customerLabel(call) },
      { name: "Duration", value: formatDuration(call.duration_seconds) },
      { name: "Agent", value: call.agent_name },
      { name: "Time", value: formatTime(call.start_time, timezone) },
      { name: "Owner", safe: mention },
    ]),
    ...buttons([
      { id: "recording", text: "Recording", url: call.recording_url },
      { id: "record", text: `Open in ${related?.title}`, url: related?.url ?? related?.person?.url },
    ]),
  ];
  const room = Math.min(SECTION_LENGTH, BLOCKS_LENGTH - JSON.stringify(around).length - 100);
  // Cut before it is escaped: what is read counts, and escapes cannot push it over a section's limit.
  const said = summary === "" ? [] : [section(escaped(truncate(summary, SUMMARY_LENGTH), room))];
  const notification = escaped(summary === "" ? title : `${title}: ${summary}`, NOTIFICATION_LENGTH);
  return { text: notification, blocks: [...around.slice(0, 2), ...said, ...around.slice(2)], metadata };
}

const DIRECTIONS: Record<SharedCall["direction"], string> = { inbound: "Inbound call", outbound: "Outbound call", unknown: "Call" };

/** `Inbound call · Dana Example · answered`; without a name the number, or what is known of it. */
function titleOf(call: SharedCall, related: Related | undefined): string {
  const who = related?.person?.name?.trim() || customerLabel(call);
  return [DIRECTIONS[call.direction], who, call.call_outcome]
    .filter((part) => part !== "")
    .join(" · ")
    .replace(/\s+/g, " ");
}
