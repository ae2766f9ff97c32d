import { z } from "zod";

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
