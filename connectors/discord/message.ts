import { callTitle, customerLabel, type Delivery, type SentField, truncate, unixMsOf } from "../../src/connector/index.ts";

/** A route's `with`. */
interface DiscordWith {
  text?: string | undefined;
}

/** docs.discord.com/developers/resources/message, "Embed Limits"; 6,000 characters of text in all. */
const TITLE_LENGTH = 256;
const TEXT_LENGTH = 4_096;
const FIELD_LENGTH = 1_024;
const FOOTER_LENGTH = 500;
/** A summary to read, not a transcript. Escaping doubles it at most, which stays below a text's limit. */
const SUMMARY_LENGTH = 1_500;

export const SENDS: readonly SentField[] = [
  { field: "embeds[].title", what: "the call's title: direction, the person's name (with `after`) or number, the agent" },
  { field: "embeds[].url", what: "the CRM record, where the route has `after` and it came in time" },
  { field: "embeds[].description", what: "`text` of the route, else the summary, up to 1,500 characters" },
  { field: "embeds[].fields", what: "number, duration, outcome, and a link to the recording where the route shares it" },
  { field: "embeds[].timestamp", what: "`start_time`; each reader sees it in their own time zone" },
  { field: "embeds[].footer", what: "the delivery's key: source, call_id and route" },
  { field: "allowed_mentions", what: "always nobody" },
];

/** The call as one embed. An embed pings nobody, whatever stands in it; `allowed_mentions` says it again. */
export function messageOf({ key, call, with: { text }, related }: Delivery<DiscordWith>) {
  const own = text?.trim() ? truncate(text.trim(), TEXT_LENGTH) : undefined;
  const summary = call.summary?.trim();
  const atMs = unixMsOf(call.start_time);
  const facts = [
    ["Number", escaped(customerLabel(call))],
    ["Duration", durationText(call.duration_seconds)],
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

/**
 * Text from a call as Discord's Markdown: a backslash before any sign makes it that sign. An address that somebody spoke is shown, and is no link; and
 * what begins with a bracket makes none of an author's own brackets before it. Halves of a character become the replacement mark.
 */
function escaped(text: string): string {
  return text.replace(/[\\*_~`|<>[\]#]|:(?=\/\/)|^\(/g, "\\$&").toWellFormed();
}

/** A value in a template. An address keeps working in a link of the author's, and can neither end nor mark it up. */
export function escapedValue(value: string): string {
  if (!/^https?:\/\/\S+$/i.test(value)) return escaped(value);
  return value.replace(/[\\`*[\]()~<>|]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`).toWellFormed();
}

/** Only https, and only whole: an address that is too long is left out, not the message. */
function linkTo(url: string | undefined): string | undefined {
  const parsed = url === undefined ? null : URL.parse(url);
  if (parsed?.protocol !== "https:" || parsed.href.length > FIELD_LENGTH - 50) return undefined;
  return `[Listen](${parsed.href.replaceAll("(", "%28").replaceAll(")", "%29")})`;
}

/** `2 min 27 s` */
function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
