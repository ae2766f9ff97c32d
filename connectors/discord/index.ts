import { defineConnector } from "../../src/connector/index.ts";
import { discordWith, escapedValue, SENT_FIELDS } from "./mapping.ts";
import { discordSettings, foreignHost } from "./settings.ts";

/** A message per call in a Discord channel, through the channel's webhook; a late summary edits it. docs.discord.com/developers/resources/webhook */
export const discord = defineConnector({
  name: "discord",
  title: "Discord",
  keeps: "message",
  duplicates: "none",
  edits: true,
  settings: discordSettings,
  with: discordWith,
  escape: { text: escapedValue },
  sends: SENT_FIELDS,
  // One after the other: an answer takes about as long as the limit of five in two seconds allows.
  batch: { maxCalls: 1, concurrency: 1 },
  note: foreignHost,
  open: async (options) => (await import("./open.ts")).openDiscord(options),
  sandbox: () => import("./sandbox/index.ts"),
});
