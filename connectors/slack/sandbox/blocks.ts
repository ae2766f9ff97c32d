import { z } from "zod";

/**
 * Block Kit as far as call summaries use it, with the vendor's limits (docs.slack.dev/reference/block-kit). Strict: an unknown field
 * or block is `invalid_blocks`, as at Slack.
 */
const plainText = (max: number) =>
  z.strictObject({ type: z.literal("plain_text"), text: z.string().min(1).max(max), emoji: z.boolean().optional() });
const mrkdwn = (max: number) =>
  z.strictObject({ type: z.literal("mrkdwn"), text: z.string().min(1).max(max), verbatim: z.boolean().optional() });
const anyText = (max: number) => z.discriminatedUnion("type", [plainText(max), mrkdwn(max)]);
const blockId = { block_id: z.string().max(255).optional() };

const button = z.strictObject({
  type: z.literal("button"),
  text: plainText(75),
  action_id: z.string().max(255).optional(),
  url: z.string().max(3_000).optional(),
  value: z.string().max(2_000).optional(),
  style: z.enum(["primary", "danger"]).optional(),
});

const block = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("header"), text: plainText(150), ...blockId }),
  z
    .strictObject({
      type: z.literal("section"),
      text: anyText(3_000).optional(),
      fields: z.array(anyText(2_000)).min(1).max(10).optional(),
      expand: z.boolean().optional(),
      ...blockId,
    })
    .refine(({ text, fields }) => text ?? fields, "one of text and fields is required"),
  z.strictObject({ type: z.literal("actions"), elements: z.array(button).min(1).max(25), ...blockId }),
  z.strictObject({ type: z.literal("context"), elements: z.array(anyText(3_000)).min(1).max(10), ...blockId }),
  z.strictObject({ type: z.literal("divider"), ...blockId }),
]);

const blocksSchema = z.array(block).max(50);
export type Blocks = z.output<typeof blocksSchema>;

/** Undocumented, reported in slackapi/bolt-js issue 2509. */
const MAX_SUM = 13_200;

export type CheckedBlocks = { blocks: Blocks; texts: string[] } | { error: string; messages?: string[] };

/** `json` as it stands in the form; texts of all mrkdwn in it, where mentions could be. */
export function checkBlocks(json: string): CheckedBlocks {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { error: "invalid_blocks_format" };
  }
  const parsed = blocksSchema.safeParse(value);
  if (!parsed.success) {
    return {
      error: "invalid_blocks",
      messages: parsed.error.issues.map(({ path, message }) => `[ERROR] ${message} [json-pointer:/blocks/${path.join("/")}]`),
    };
  }
  const sum = parsed.data.reduce((total, one) => total + JSON.stringify(one).length, 0);
  if (sum > MAX_SUM) return { error: "msg_blocks_too_long" };
  return { blocks: parsed.data, texts: mrkdwnIn(parsed.data) };
}

function mrkdwnIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  if ("type" in value && value.type === "mrkdwn" && "text" in value) return [String(value.text)];
  return Object.values(value).flatMap(mrkdwnIn);
}

const metadataSchema = z.strictObject({
  event_type: z.string().regex(/^[A-Za-z0-9_]+$/),
  event_payload: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), z.unknown())])),
});
export type Metadata = z.output<typeof metadataSchema>;

export function checkMetadata(json: string): { metadata: Metadata } | { error: string } {
  try {
    const parsed = metadataSchema.safeParse(JSON.parse(json));
    return parsed.success ? { metadata: parsed.data } : { error: "invalid_metadata_schema" };
  } catch {
    return { error: "invalid_metadata_format" };
  }
}

/** What would ping somebody or something, as Slack would read this mrkdwn. */
export function mentionsIn(texts: string[]): string[] {
  return texts.flatMap((text) => text.match(/<[!@#][^>]*>/g) ?? []);
}
