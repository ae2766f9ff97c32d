import { z } from "zod";

/**
 * Adaptive Cards as far as call summaries use them (adaptivecards.io, schema 1.5), with what Teams takes from a webhook: no Action.Submit.
 * Strict: an unknown property or element is refused. The tests hold the cards against Microsoft's own schema as well.
 */
const id = { id: z.string().min(1).optional() };
const layout = { spacing: z.enum(["None", "Small", "Medium", "Large"]).optional(), separator: z.boolean().optional() };

const size = { size: z.enum(["Default", "Small", "Medium", "Large", "ExtraLarge"]).optional() };
const weight = { weight: z.enum(["Default", "Lighter", "Bolder"]).optional() };
const run = z.strictObject({ type: z.literal("TextRun"), text: z.string().min(1), isSubtle: z.boolean().optional(), ...size, ...weight });
const richText = z.strictObject({ type: z.literal("RichTextBlock"), inlines: z.array(run).min(1), ...layout, ...id });

const element = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("TextBlock"),
    text: z.string().min(1),
    wrap: z.boolean().optional(),
    isSubtle: z.boolean().optional(),
    ...size,
    ...weight,
    ...layout,
    ...id,
  }),
  richText,
  z.strictObject({ type: z.literal("Container"), items: z.array(richText).min(1), ...layout, ...id }),
]);

const action = z.strictObject({ type: z.literal("Action.OpenUrl"), title: z.string().min(1), url: z.url({ protocol: /^https$/ }), ...id });

const card = z
  .strictObject({
    $schema: z.literal("http://adaptivecards.io/schemas/adaptive-card.json"),
    type: z.literal("AdaptiveCard"),
    version: z.enum(["1.2", "1.3", "1.4"]),
    fallbackText: z.string().optional(),
    msteams: z.strictObject({ width: z.literal("Full").optional(), entities: z.array(z.unknown()).optional() }).optional(),
    body: z.array(element).min(1),
    // Teams shows six.
    actions: z.array(action).min(1).max(6).optional(),
  })
  .refine(({ body }) => new Set(body.map((one) => one.id ?? one)).size === body.length, "ids must be unique");

const envelope = z.strictObject({
  type: z.literal("message"),
  attachments: z
    .array(
      z.strictObject({
        contentType: z.literal("application/vnd.microsoft.card.adaptive"),
        contentUrl: z.null(),
        content: card,
      }),
    )
    .length(1),
});

export type SandboxCard = z.output<typeof card>;

/** The card in a request's body; where it is wrong, or that it is no JSON. */
export function checkMessage(body: string): { card: SandboxCard } | { wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { wrong: "the body is not JSON" };
  }
  const parsed = envelope.safeParse(value);
  const content = parsed.data?.attachments[0]?.content;
  if (content) return { card: content };
  return { wrong: (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ") };
}

/** What a Teams client would show as a mention: in Markdown only. */
export function mentionsIn(card: SandboxCard): string[] {
  const markdown = card.body.flatMap((one) => (one.type === "TextBlock" ? [one.text] : []));
  return JSON.stringify(markdown).match(/(?<!\\)<at\b[^>]*>/gi) ?? [];
}
