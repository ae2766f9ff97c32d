import { type SentField, z } from "../../src/connector/index.ts";

/** A route's `with`. */
export const discordWith = z.strictObject({
  text: z.string().optional().describe("Your own message, in Discord's Markdown, in place of the summary. Nothing in it pings anybody"),
});

export type DiscordWith = z.output<typeof discordWith>;

export const SENT_FIELDS: readonly SentField[] = [
  { field: "embeds[].title", what: "the call's title: direction, the person's name (with `after`) or number, the agent" },
  { field: "embeds[].url", what: "the CRM record, where the route has `after` and it came in time" },
  { field: "embeds[].description", what: "`text` of the route, else the summary, up to 1,500 characters" },
  { field: "embeds[].fields", what: "number, duration, outcome, and a link to the recording where the route shares it" },
  { field: "embeds[].timestamp", what: "`start_time`; each reader sees it in their own time zone" },
  { field: "embeds[].footer", what: "the delivery's key: source, call_id and route" },
  { field: "allowed_mentions", what: "always nobody" },
];

/**
 * Text from a call as Discord's Markdown: a backslash before a sign makes it that sign. An address that somebody spoke is shown, and is no link; and
 * what begins with a bracket makes no link of an author's own brackets before it. Halves of a character become the replacement mark.
 */
export function escaped(text: string): string {
  return text.replace(/[\\*_~`|<>[\]#]|:(?=\/\/)|^\(/g, "\\$&").toWellFormed();
}

/** A value in a template. An address keeps working in a link of the author's, and can neither end it nor format anything. */
export function escapedValue(value: string): string {
  if (!/^https?:\/\/\S+$/i.test(value)) return escaped(value);
  return value.replace(/[\\`*[\]()~<>|]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`).toWellFormed();
}
