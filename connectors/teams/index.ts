import { z } from "zod";
import { ambiguousSettings, defineConnector, httpSettings, Secret, secret } from "../../src/connector/index.ts";
import { escapedValue } from "./text.ts";
import { teamsWith } from "./with.ts";
import { oldAddressNote, wrongWithUrl } from "./workflow-url.ts";

/**
 * A card per call in a Teams channel, through the Workflows app. A flow gives nothing back: a card cannot be edited, found or deleted, and after a
 * lost answer nobody can tell whether it is there.
 */
export const teams = defineConnector({
  name: "teams",
  title: "Teams",
  keeps: "message",
  duplicates: "none",
  settings: z
    .strictObject({
      url: secret().describe(
        "The flow's address, as the Workflows app shows it, with its sig=…: who has it can post. Host *.environment.api.powerplatform.com; *.logic.azure.com for a Logic App of your own",
      ),
      ...httpSettings,
      rate: httpSettings.rate.default("1/s"),
      ...ambiguousSettings,
    })
    // Of the whole, not of the key: the key stays one that takes any text, by which routes.yaml knows it for a secret.
    .superRefine(({ url }, context) => {
      // Zod asks this too when the key itself was refused.
      const wrong = url instanceof Secret ? wrongWithUrl(url.reveal()) : undefined;
      if (wrong) context.addIssue({ code: "custom", path: ["url"], message: wrong });
    }),
  with: teamsWith,
  // `title` stands where no Markdown is read.
  escape: { text: escapedValue },
  sends: [
    { field: "type", what: "always message" },
    { field: "attachments.content.body.title", what: "direction, the customer's name or number, outcome; or the route's `title`" },
    { field: "attachments.content.body.facts", what: "customer, number, duration, agent, time" },
    { field: "attachments.content.body.summary", what: "the summary, at most 1,500 characters" },
    { field: "attachments.content.body.text", what: "the route's `text`, in place of facts and summary" },
    {
      field: "attachments.content.body.call_id",
      what: "`call_id`, small, by which people know a second card; its `id` is source, call_id and route",
    },
    { field: "attachments.content.actions", what: "buttons to `recording_url`, to the CRM record and to the person that `after` brought" },
    { field: "attachments.content.fallbackText", what: "what stands in the title" },
  ],
  batch: { maxCalls: 1, concurrency: 2 },

  note({ url }) {
    return typeof url === "string" ? oldAddressNote(url) : undefined;
  },

  async open({ settings, timezone, timeoutMs }) {
    const { openTeams } = await import("./destination.ts");
    return openTeams({ url: settings.url, baseUrl: settings.base_url, timezone, timeoutMs });
  },

  sandbox: () => import("./sandbox.ts"),
});
