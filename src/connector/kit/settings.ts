/** Settings that several connectors share, for their `settings` schemas. */
import { z } from "zod";
import { Secret } from "../../lib/secret.ts";

const secretTexts = new WeakSet<object>();

/** A setting that cannot print itself. Reads a text that is not empty. */
export function secret() {
  const text = z.string().min(1, "is empty");
  secretTexts.add(text);
  return text.transform((value) => new Secret(value));
}

/** Whether a schema is made from {@link secret}, whatever rules, defaults or groups are around it. */
export function isSecret(schema: unknown, seen = new Set<unknown>()): boolean {
  if (typeof schema !== "object" || schema === null || seen.has(schema)) return false;
  if (secretTexts.has(schema)) return true;
  seen.add(schema);
  const inner = "def" in schema ? schema.def : schema;
  return typeof inner === "object" && inner !== null && Object.values(inner).some((one) => isSecret(one, seen));
}

/** The keys that every HTTP destination takes: spread into `settings`. */
export const httpSettings = {
  base_url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Another address of the API: a sandbox, a proxy, a regional host"),
  timeout: z
    .string()
    .regex(/^\d+(ms|s)$/, "is a time such as 15s or 500ms")
    .optional()
    .describe("How long an attempt may take, at most 15s (the default)"),
  rate: z
    .string()
    .regex(/^(none|[1-9]\d*\/(s|min|h))$/, "is a count in a time, such as 5/s or 100/min, or none")
    .optional()
    .describe(
      "At most so many requests, all routes and replicas together, such as 5/s or 100/min; none: only what the API itself says. At Slack and Teams for each channel, and 1/s if nothing is said",
    ),
};

/** For connectors whose `duplicates` is `none`: spread into `settings`. */
export const ambiguousSettings = {
  on_ambiguous: z
    .enum(["dead", "send_again"])
    .optional()
    .describe("After a request without an answer: dead (default) makes a dead letter of it, send_again risks a second message"),
};
