import { customerLabel, type Delivery, formatDuration, formatTime, type SharedCall, truncate } from "../../src/connector/index.ts";
import type { TeamsWith } from "./mapping.ts";
import { authorsText, plain, plainLine } from "./text.ts";

/**
 * Teams refuses a message above 28 KB, and makes it grow on the way: 24,453 bytes were counted as 28,897 (MicrosoftDocs/msteams-docs issue
 * 11274). A flow answers 202 all the same, so that nobody would know.
 */
const BYTES_MOST = 20_000;
/** A summary to read, not a transcript. */
const SUMMARY_LENGTH = 1_500;
const TITLE_LENGTH = 200;
const FACT_LENGTH = 200;
const BUTTON_LENGTH = 60;
const URL_LENGTH = 2_000;
/** In UTF-16 units: more could not fit. */
const TEXT_LENGTH = BYTES_MOST;
/** What is beyond goes on in the last one: each costs bytes of its own. */
const PARAGRAPHS_MOST = 20;

/** In Markdown: only what a route's author writes. */
interface TextBlock {
  type: "TextBlock";
  id: string;
  text: string;
  wrap: true;
  spacing: "Medium";
}
interface TextRun {
  type: "TextRun";
  text: string;
  size?: "Large" | "Small";
  weight?: "Bolder";
  isSubtle?: true;
}
/**
 * Text that no Markdown is read in (adaptivecards.io, "TextRun": Markdown is for TextBlock and Fact), so that nothing in it needs an escape: Teams on
 * phones shows the escapes of a TextBlock as backslashes (microsoft/AdaptiveCards issue 7474).
 */
interface RichTextBlock {
  type: "RichTextBlock";
  id?: string;
  inlines: TextRun[];
  spacing?: "Small";
}
interface Container {
  type: "Container";
  id: "facts" | "summary";
  items: RichTextBlock[];
  spacing: "Medium";
}
interface OpenUrl {
  type: "Action.OpenUrl";
  title: string;
  url: string;
}
export interface Card {
  $schema: "http://adaptivecards.io/schemas/adaptive-card.json";
  type: "AdaptiveCard";
  /** The newest that Teams takes from a webhook everywhere. */
  version: "1.4";
  fallbackText: string;
  msteams: { width: "Full" };
  body: (TextBlock | RichTextBlock | Container)[];
  actions?: OpenUrl[];
}
export interface Envelope {
  type: "message";
  attachments: [{ contentType: "application/vnd.microsoft.card.adaptive"; contentUrl: null; content: Card }];
}

/** A call as an Adaptive Card in the envelope of a Workflows webhook (learn.microsoft.com, "Create incoming webhooks with Workflows"). */
export function messageOf(delivery: Delivery<TeamsWith>, options: { timezone: string }): Envelope {
  const { call, related } = delivery;
  const title = truncate((delivery.with.title?.trim() || titleOf(delivery)).replace(/\s+/g, " "), TITLE_LENGTH);
  const own = delivery.with.text?.trim() ?? "";
  const around = (long: string) => {
    const middle = own === "" ? [factsOf(delivery, options.timezone), ...summaryOf(long)] : ownText(authorsText(long));
    const actions = actionsOf([
      ["Recording", call.recording_url],
      [`Open in ${related?.title}`, related?.url],
      [`Open ${related?.person?.kind ?? "person"}`, related?.person?.url],
    ]);
    return envelopeOf({
      $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
      type: "AdaptiveCard",
      version: "1.4",
      // No Markdown is read in it: angle brackets that could be a mention are replaced.
      fallbackText: title.replaceAll("<", "‹").replaceAll(">", "›").toWellFormed(),
      msteams: { width: "Full" },
      body: [
        { type: "RichTextBlock", id: "title", inlines: [run(plainLine(title), { size: "Large", weight: "Bolder" })] },
        ...middle,
        // Teams cannot tell a second card of the same call; people can.
        {
          type: "RichTextBlock",
          id: idOf(delivery.key),
          inlines: [run(`Call ID: ${plainLine(fact(call.call_id))}`, { size: "Small", isSubtle: true })],
        },
      ],
      ...(actions.length === 0 ? {} : { actions }),
    });
  };
  return fitted(own === "" ? truncate(call.summary?.trim() ?? "", SUMMARY_LENGTH) : truncate(own, TEXT_LENGTH), around);
}

/** The longest beginning of `text` with which the message is small enough, cut with a mark. */
function fitted(text: string, messageWith: (text: string) => Envelope): Envelope {
  const fits = (message: Envelope) => Buffer.byteLength(JSON.stringify(message)) <= BYTES_MOST;
  const whole = messageWith(text);
  if (fits(whole)) return whole;
  let [least, most] = [0, text.length - 1];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(messageWith(truncate(text, middle)))) least = middle;
    else most = middle - 1;
  }
  return messageWith(truncate(text, least));
}

const DIRECTIONS: Record<SharedCall["direction"], string> = { inbound: "Inbound call", outbound: "Outbound call", unknown: "Call" };

/** `Inbound call · Dana Example · answered`; without a name the number, or what is known of it. */
function titleOf({ call, related }: Delivery<TeamsWith>): string {
  const who = related?.person?.name?.trim() || customerLabel(call);
  return [DIRECTIONS[call.direction], who, call.call_outcome].filter((part) => part !== "").join(" · ");
}

function factsOf({ call, related }: Delivery<TeamsWith>, timezone: string): Container {
  const all: [string, string | undefined][] = [
    ["Customer", related?.person?.name],
    ["Number", customerLabel(call)],
    ["Duration", formatDuration(call.duration_seconds)],
    ["Agent", call.agent_name],
    ["Time", formatTime(call.start_time, timezone)],
  ];
  const items = all.flatMap(([title, value]): RichTextBlock[] => {
    const shown = plainLine(fact(value ?? ""));
    // A card with a run of nothing is refused whole.
    if (shown === "") return [];
    return [{ type: "RichTextBlock", inlines: [run(`${title}: `, { weight: "Bolder" }), run(shown)], spacing: "Small" }];
  });
  return { type: "Container", id: "facts", items, spacing: "Medium" };
}

/** A block for each paragraph: a new line in a run is a blank. */
function summaryOf(text: string): Container[] {
  const paragraphs = plain(text)
    .split(/\n+/)
    .filter((line) => line.trim() !== "");
  if (paragraphs.length === 0) return [];
  const shown = [...paragraphs.slice(0, PARAGRAPHS_MOST - 1), paragraphs.slice(PARAGRAPHS_MOST - 1).join(" ")].filter(
    (line) => line !== "",
  );
  const items = shown.map((line): RichTextBlock => ({ type: "RichTextBlock", inlines: [run(line)], spacing: "Small" }));
  return [{ type: "Container", id: "summary", items, spacing: "Medium" }];
}

function run(text: string, look: Omit<TextRun, "type" | "text"> = {}): TextRun {
  return { type: "TextRun", text, ...look };
}

const fact = (text: string) => truncate(text, FACT_LENGTH);
/** Nobody sees it; it tells whose card this is. */
const idOf = (key: string) => truncate(key, 500).toWellFormed();

function ownText(text: string): TextBlock[] {
  return text === "" ? [] : [{ type: "TextBlock", id: "text", text, wrap: true, spacing: "Medium" }];
}

/** Only https, and not too long: an address that is neither is left out, not the card. */
function actionsOf(all: [string, string | undefined][]): OpenUrl[] {
  return all.flatMap(([title, url]): OpenUrl[] => {
    if (!url || url.length > URL_LENGTH || URL.parse(url)?.protocol !== "https:") return [];
    return [{ type: "Action.OpenUrl", title: truncate(title, BUTTON_LENGTH).toWellFormed(), url: new URL(url).href }];
  });
}

function envelopeOf(content: Card): Envelope {
  return { type: "message", attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content }] };
}
