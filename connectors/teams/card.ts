import { customerLabel, type Delivery, durationText, type SharedCall, timeText, truncate } from "../../src/connector.ts";
import { authorsText, escaped, escapedLine } from "./text.ts";
import type { TeamsWith } from "./with.ts";

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

interface TextBlock {
  type: "TextBlock";
  id: string;
  text: string;
  wrap: true;
  size?: "Large" | "Small";
  weight?: "Bolder";
  isSubtle?: true;
  spacing?: "Medium";
}
interface FactSet {
  type: "FactSet";
  id: "facts";
  facts: { title: string; value: string }[];
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
  body: (TextBlock | FactSet)[];
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
    const middle: (TextBlock | FactSet)[] =
      own === "" ? [factsOf(delivery, options.timezone), ...textBlock("summary", escaped(long))] : textBlock("text", authorsText(long));
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
        { type: "TextBlock", id: "title", text: escapedLine(title), wrap: true, size: "Large", weight: "Bolder" },
        ...middle,
        // Teams cannot tell a second card of the same call; people can.
        {
          type: "TextBlock",
          id: idOf(delivery.key),
          text: `Call ID: ${escapedLine(fact(call.call_id))}`,
          wrap: true,
          size: "Small",
          isSubtle: true,
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

function factsOf({ call, related }: Delivery<TeamsWith>, timezone: string): FactSet {
  const all: [string, string | undefined][] = [
    ["Customer", related?.person?.name],
    ["Number", customerLabel(call)],
    ["Duration", durationText(call.duration_seconds)],
    ["Agent", call.agent_name],
    ["Time", timeText(call.start_time, timezone)],
  ];
  return {
    type: "FactSet",
    id: "facts",
    facts: all.flatMap(([title, value]) => (value ? [{ title, value: escapedLine(fact(value)) }] : [])),
  };
}

const fact = (text: string) => truncate(text, FACT_LENGTH);
/** Nobody sees it; it tells whose card this is. */
const idOf = (key: string) => truncate(key, 500).toWellFormed();

function textBlock(id: string, text: string): TextBlock[] {
  return text === "" ? [] : [{ type: "TextBlock", id, text, wrap: true, spacing: "Medium" }];
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
