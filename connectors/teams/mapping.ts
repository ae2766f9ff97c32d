import { type SentField, z } from "../../src/connector/index.ts";

/** A route's `with`. */
export const teamsWith = z.strictObject({
  title: z.string().optional().describe("The card's title, plain text. Default: Inbound call · Dana Example · answered"),
  text: z
    .string()
    .optional()
    .describe(
      "Your own words in place of facts and summary, in the Markdown that Teams takes: **bold**, _italic_, lists, [links](https://…). Mentions are shown as text",
    ),
});

export type TeamsWith = z.output<typeof teamsWith>;

export const SENT_FIELDS: readonly SentField[] = [
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
];
