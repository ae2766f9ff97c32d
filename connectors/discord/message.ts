import { callTitle, customerLabel, type Delivery, formatDuration, truncate, unixMsOf } from "../../src/connector/index.ts";
import { type DiscordWith, escaped } from "./mapping.ts";

/** docs.discord.com/developers/resources/message, "Embed Limits"; 6,000 characters of text in all. */
const TITLE_LENGTH = 256;
const TEXT_LENGTH = 4_096;
const FIELD_LENGTH = 1_024;
const FOOTER_LENGTH = 500;
/** A summary to read, not a transcript. Escaping doubles it at most, which stays below a text's limit. */
const SUMMARY_LENGTH = 1_500;

/** The call as one embed. An embed pings nobody, whatever is in it; `allowed_mentions` says it again. */
export function messageOf({ key, call, with: { text }, related }: Delivery<DiscordWith>) {
  const own = text?.trim() ? truncate(text.trim(), TEXT_LENGTH) : undefined;
  const summary = call.summary?.trim();
  const atMs = unixMsOf(call.start_time);
  const facts = [
    ["Number", escaped(customerLabel(call))],
    ["Duration", formatDuration(call.duration_seconds)],
    ["Outcome", escaped(call.call_outcome)],
    ["Recording", linkTo(call.recording_url)],
  ];
  const embed = {
    title: truncate(escaped(callTitle(call, { name: related?.person?.name })), TITLE_LENGTH),
    url: related?.url,
    description: own ?? (summary ? escaped(truncate(summary, SUMMARY_LENGTH)) : undefined),
    fields: facts.flatMap(([name, value]) => (value ? [{ name, value: truncate(value, FIELD_LENGTH), inline: true }] : [])),
    timestamp: atMs === undefined ? undefined : new Date(atMs).toISOString(),
    footer: { text: truncate(key, FOOTER_LENGTH) },
  };
  return { embeds: [embed], allowed_mentions: { parse: [] } };
}

/** Only https, and only whole: an address that is too long is left out, not the message. */
function linkTo(url: string | undefined): string | undefined {
  const parsed = url === undefined ? null : URL.parse(url);
  if (parsed?.protocol !== "https:" || parsed.href.length > FIELD_LENGTH - 50) return undefined;
  return `[Listen](${parsed.href.replaceAll("(", "%28").replaceAll(")", "%29")})`;
}
