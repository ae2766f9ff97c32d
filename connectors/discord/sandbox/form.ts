import { z } from "zod";

const text = (max: number) => z.string().max(max, `Must be ${max} or fewer in length.`);
const url = z.url({ protocol: /^https?$/, error: "Not a well formed URL." }).max(2_048);

/** "Embed Limits" and the forms of an embed (docs.discord.com/developers/resources/message). Strict: what we misspell, Discord would drop silently. */
const embed = z
  .strictObject({
    title: text(256).optional(),
    description: text(4_096).optional(),
    url: url.optional(),
    timestamp: z.iso.datetime({ offset: true }).optional(),
    color: z.int().min(0).max(0xffffff).optional(),
    footer: z.strictObject({ text: text(2_048) }).optional(),
    fields: z
      .array(
        z.strictObject({
          name: text(256).min(1, "This field is required"),
          value: text(1_024).min(1, "This field is required"),
          inline: z.boolean().optional(),
        }),
      )
      .max(25)
      .optional(),
  })
  .refine(({ title, description, fields }) => title || description || fields?.length, "Cannot be empty");

const form = z.strictObject({
  content: text(2_000).optional(),
  embeds: z
    .array(embed)
    .max(10)
    .refine((all) => all.reduce((sum, one) => sum + sizeOf(one), 0) <= 6_000, "Embed size exceeds maximum size of 6000")
    .optional(),
  allowed_mentions: z.strictObject({ parse: z.array(z.enum(["roles", "users", "everyone"])) }).optional(),
});

/** Title, description, names and values of fields, and footer count. */
function sizeOf({ title = "", description = "", footer, fields = [] }: z.output<typeof embed>): number {
  return [title, description, footer?.text ?? "", ...fields.flatMap(({ name, value }) => [name, value])].reduce(
    (sum, one) => sum + one.length,
    0,
  );
}

/** What is wrong with a message's body, nested by field as Discord nests it; undefined when nothing is. */
export function problemsOf(body: unknown): Record<string, unknown> | undefined {
  const parsed = form.safeParse(body);
  if (parsed.success) return undefined;
  const errors: Record<string, unknown> = {};
  for (const { path, message, code } of parsed.error.issues) {
    let here = errors;
    for (const part of path) {
      here[String(part)] ??= {};
      here = here[String(part)] as Record<string, unknown>;
    }
    here._errors = [{ code: code === "too_big" ? "BASE_TYPE_MAX_LENGTH" : "BASE_TYPE_BAD", message }];
  }
  return errors;
}
