import type { ActionsBlock, Button, HeaderBlock, SectionBlock } from "@slack/web-api";
import { truncate } from "../../src/connector/index.ts";
import { escaped } from "./text.ts";

/** Block Kit's limits (docs.slack.dev/reference/block-kit/blocks and /block-elements/button-element). */
const HEADER_LENGTH = 150;
const BUTTON_LENGTH = 75;
const URL_LENGTH = 3_000;
/** Block Kit takes 2,000; a fact is a line. */
const FIELD_LENGTH = 300;
/** A longer address is left out of a fact: the name stands without it. */
const FACT_URL_LENGTH = 500;

/** A header is plain text: Slack reads no mark-up in it, and would print an escape as it stands. */
export function header(title: string): HeaderBlock {
  return { type: "header", text: { type: "plain_text", text: truncate(title, HEADER_LENGTH).toWellFormed(), emoji: false } };
}

/** `verbatim`: else Slack makes links and mentions of its own from `@here` and `#channel`. */
export function section(mrkdwn: string): SectionBlock {
  return { type: "section", text: { type: "mrkdwn", text: mrkdwn, verbatim: true } };
}

/** `safe` is mrkdwn that was made here, not text of a call. */
export type Fact = { name: string; value: string | undefined; url?: string | undefined } | { name: string; safe: string | undefined };

/** Name and value in two columns; facts without a value are left out. */
export function facts(all: Fact[]): SectionBlock {
  const fields = all.flatMap((fact) => {
    const value = "safe" in fact ? fact.safe : textOf(fact);
    return value ? [{ type: "mrkdwn" as const, text: `*${fact.name}*\n${value}`, verbatim: true }] : [];
  });
  return { type: "section", fields };
}

function textOf({ value, url }: { value: string | undefined; url?: string | undefined }): string | undefined {
  if (!value) return undefined;
  const text = escaped(value.replace(/\s+/g, " "), FIELD_LENGTH - 12);
  const address = httpsAddress(url);
  return address === undefined || address.length > FACT_URL_LENGTH ? text : `<${escapedAddress(address)}|${text}>`;
}

/** In mrkdwn an address ends at `|` and `>`. */
function escapedAddress(address: string): string {
  return address.replace(/[<>|]/g, (sign) => encodeURIComponent(sign)).replaceAll("&", "&amp;");
}

/** A block of buttons for what has an address that a button takes; none where nothing has. */
export function buttons(all: { id: string; text: string; url: string | undefined }[]): ActionsBlock[] {
  const elements = all.flatMap(({ id, text, url }): Button[] => {
    const address = httpsAddress(url);
    if (address === undefined) return [];
    const label = { type: "plain_text" as const, text: truncate(text, BUTTON_LENGTH).toWellFormed(), emoji: false };
    return [{ type: "button", action_id: id, text: label, url: address }];
  });
  return elements.length === 0 ? [] : [{ type: "actions", elements }];
}

/** Only https, and not too long: an address that is neither is left out, not the message. */
function httpsAddress(url: string | undefined): string | undefined {
  return url && url.length <= URL_LENGTH && URL.parse(url)?.protocol === "https:" ? url : undefined;
}
