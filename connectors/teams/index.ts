import { defineConnector } from "../../src/connector/index.ts";
import { SENT_FIELDS, teamsWith } from "./mapping.ts";
import { teamsSettings } from "./settings.ts";
import { escapedValue } from "./text.ts";
import { oldAddressNote } from "./workflow-url.ts";

/**
 * A card per call in a Teams channel, through the Workflows app. A flow gives nothing back: a card cannot be edited, found or deleted, and after a
 * lost answer nobody can tell whether it is there.
 */
export const teams = defineConnector({
  name: "teams",
  title: "Teams",
  keeps: "message",
  duplicates: "none",
  settings: teamsSettings,
  with: teamsWith,
  // Teams reads no Markdown in `title`.
  escape: { text: escapedValue },
  sends: SENT_FIELDS,
  batch: { maxCalls: 1, concurrency: 2 },
  note: ({ url }) => (typeof url === "string" ? oldAddressNote(url) : undefined),
  open: async (options) => (await import("./open.ts")).openTeams(options),
  sandbox: () => import("./sandbox/index.ts"),
});
