import type { z } from "zod";
import { DURATION } from "../../lib/time/duration.ts";
import type { Path } from "../file/document.ts";
import { schemasAt } from "../file/schema-paths.ts";

type Issue = z.core.$ZodIssue;

/** A schema's own words ("is a time such as 15s"), or ours in place of zod's "Invalid …". */
export function formatMessage(issue: Issue): string {
  const { message } = issue;
  if (!/^(Invalid|Too|Unrecognized)\b/.test(message)) return message;
  const format = "format" in issue ? issue.format : undefined;
  if (format === "url") return "must be an address such as https://api.example.com";
  if (format === "email") return "must be an email address";
  if (format === "datetime") return "must be a time with its zone, such as 2026-01-31T09:00:00Z";
  return "is not valid";
}

/** What YAML has read, in words. */
export function kindOf(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a group of fields";
  if (typeof value === "string") return "text";
  return typeof value === "boolean" ? "true or false" : "a number";
}

/** Words that other YAMLs read as true or false, and those that stand in quotes. */
export const YES_OR_NO = /^(yes|no|on|off|y|n|true|false)$/i;
export const isBooleanWanted = (issue: Issue) => issue.code === "invalid_type" && issue.expected === "boolean";

export function yesOrNo(text: string): string {
  if (/^(true|false)$/i.test(text)) return `Write ${text.toLowerCase()}, in small letters and without quotes.`;
  const meant = /^(yes|on|y)$/i.test(text) ? "true" : /^(no|off|n)$/i.test(text) ? "false" : "true or false";
  return `Write ${meant}: yes and no are plain text in YAML 1.2.`;
}

/**
 * A text is wanted, and YAML has read something else. The hint is what helps in the end: where quotes alone would lead to the next error, that one is
 * said now. Undefined where no text was meant.
 */
export function notText(options: {
  input: unknown;
  written: string;
  schema: z.ZodType;
  path: Path;
}): { message: string; hint: string } | undefined {
  const { input, written, schema, path } = options;
  const isComment = input === null && written.startsWith("#");
  if (!isComment && typeof input !== "number" && typeof input !== "boolean") return undefined;
  const refused = schemasAt(schema, path)
    .map((one) => one.safeParse(written.replace(/\s+#.*$/, "")).error?.issues[0])
    .find((one) => one !== undefined);
  if (isComment) {
    const hint = `"#" begins a comment in YAML; a text that begins with it needs quotes.`;
    return { message: "must be text, not empty", hint: refused ? `${hint} And here it ${formatMessage(refused)}.` : hint };
  }
  if (!refused) return { message: `must be text, not ${kindOf(input)}`, hint: "Put it in quotes." };
  const more = typeof input === "number" && DURATION.test(`${written}s`) && /such as 90s/.test(refused.message) ? `${written}s` : undefined;
  return {
    message: formatMessage(refused),
    hint: more === undefined ? "Then put it in quotes: it is a text." : `Say which unit: ${more}.`,
  };
}

/** How to write a value so that YAML reads what is wanted. */
export function quoteHint(expected: string, input: unknown): string | undefined {
  if (expected === "boolean" && typeof input === "string") return yesOrNo(input);
  if (expected === "array" && typeof input === "string") return "Put it in brackets: [ … ].";
  return undefined;
}
