import type { z } from "zod";
import { didYouMean } from "../../lib/text/did-you-mean.ts";
import type { Path, RoutesDocument } from "../file/document.ts";
import { NOT_YET } from "../file/schema.ts";
import { describedAt, fieldsAt } from "../file/schema-paths.ts";
import type { Finding } from "./problems.ts";
import { formatMessage, isBooleanWanted, kindOf, notText, quoteHint, YES_OR_NO, yesOrNo } from "./value-hints.ts";

type Issue = z.core.$ZodIssue;

/**
 * Zod's issues as findings with a place in the file. No value is quoted unless the file itself spells it out in a list of words:
 * a value may come from a variable or be a secret.
 */
export function findingsOf(options: {
  issues: readonly Issue[];
  /** Of the parsed value in the file. */
  base: Path;
  /** What was parsed, for suggestions. */
  schema: z.ZodType;
  document: RoutesDocument;
  /** The value as the file has it (variables unresolved), at `base`. */
  value: unknown;
}): Finding[] {
  return options.issues.flatMap((issue) => findings({ ...options, issue }));
}

function findings(options: { issue: Issue; base: Path; schema: z.ZodType; document: RoutesDocument; value: unknown }): Finding[] {
  const { issue, base, schema, document, value } = options;
  const path = [...base, ...issue.path];
  const at = document.at(path);
  const label = labelOf(path);

  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        at: document.atKey([...path, key]),
        ...unknownField(key, fieldsAt(schema, issue.path)),
      }));
    case "invalid_key":
      return [{ at: document.atKey(path), message: `the name "${String(path.at(-1))}" ${issue.issues[0]?.message ?? "is not allowed"}` }];
    case "invalid_type": {
      const input = valueAt(value, issue.path);
      if (input === undefined) return [{ at: document.atKey(path), message: `${label} is missing`, hint: describedAt(schema, issue.path) }];
      if (issue.expected === "string") {
        const said = notText({ input, written: document.written(path), schema, path: issue.path });
        if (said) return [{ at, ...said, message: `${label} ${said.message}` }];
      }
      const hint = quoteHint(issue.expected, input) ?? describedAt(schema, issue.path);
      return [{ at, message: `${label} must be ${kindName(issue.expected)}, not ${kindOf(input)}`, hint }];
    }
    case "invalid_value": {
      const input = valueAt(value, issue.path);
      const words = issue.values.map(String);
      if (input === undefined) return [{ at: document.atKey(path), message: `${label} is missing`, hint: describedAt(schema, issue.path) }];
      const message = words.length === 1 ? `${label} must be ${words[0]}` : `${label} must be one of ${words.join(", ")}`;
      return [{ at, message, hint: typeof input === "string" ? didYouMean(input, words) : undefined }];
    }
    case "invalid_union": {
      // The branch that got furthest is the one that was meant: "all" or a list, say.
      const branches = issue.errors.filter((branch) => branch.length > 0);
      const input = valueAt(value, issue.path);
      const meant = branches.find((branch) => !branch.some((one) => one.path.length === 0 && one.code === "invalid_type"));
      const words = branches.flatMap((branch) => branch.flatMap((one) => (one.code === "invalid_value" ? one.values.map(String) : [])));
      if (meant && typeof input !== "string") {
        return meant.flatMap((one) => findings({ ...options, issue: { ...one, path: [...issue.path, ...one.path] } as Issue }));
      }
      if (issue.discriminator && words.length === 0 && "options" in issue) words.push(...(issue.options as unknown[]).map(String));
      if (YES_OR_NO.test(String(input)) && branches.some((branch) => branch.some(isBooleanWanted))) {
        return [{ at, message: `${label} must be true or false, not text`, hint: yesOrNo(String(input)) }];
      }
      const rule = typeof input === "string" ? branches.flatMap((branch) => branch.filter(({ code }) => code === "custom")) : [];
      if (rule[0]) return [{ at, message: `${label} ${rule[0].message}`, hint: describedAt(schema, issue.path) }];
      const hint = (typeof input === "string" ? didYouMean(input, words) : undefined) ?? describedAt(schema, issue.path);
      return [{ at, message: `${label} is not one of its possible forms${words.length > 0 ? ` (${words.join(", ")}, …)` : ""}`, hint }];
    }
    case "too_small":
    case "too_big":
      return [{ at, message: sizeMessage(label, issue) }];
    default:
      return [{ at, message: `${label} ${formatMessage(issue)}`, hint: ownHint(issue) ?? describedAt(schema, issue.path) }];
  }
}

/** What a schema's own rule suggests. */
function ownHint(issue: Issue): string | undefined {
  const hint = issue.code === "custom" ? issue.params?.hint : undefined;
  return typeof hint === "string" ? hint : undefined;
}

/** `unknown field "wehn"`, with the nearest known one or all of them. */
export function unknownField(key: string, known: string[]): { message: string; hint?: string } {
  if (NOT_YET.has(key)) return { message: `"${key}" is not supported yet`, hint: "It comes with a later version. Remove it for now." };
  const hint = didYouMean(key, known) ?? (known.length > 0 ? `Known here: ${known.join(", ")}.` : "No fields are known here.");
  return { message: `unknown field "${key}"`, hint };
}

/** `"timeout"`, `item 2 of "secrets"`. */
function labelOf(path: Path): string {
  const last = path.at(-1);
  if (typeof last === "number") {
    const list = path.findLast((part) => typeof part === "string");
    return `item ${last + 1}${list === undefined ? "" : ` of "${String(list)}"`}`;
  }
  return last === undefined ? "the file" : `"${String(last)}"`;
}

function sizeMessage(label: string, issue: Extract<Issue, { code: "too_small" | "too_big" }>): string {
  const limit = String(issue.code === "too_small" ? issue.minimum : issue.maximum);
  const word = issue.code === "too_small" ? "at least" : "at most";
  if (issue.origin === "string") {
    if (issue.code === "too_small" && limit === "1") return `${label} is empty`;
    return `${label} must have ${word} ${limit} characters`;
  }
  if (issue.origin === "array" || issue.origin === "set") {
    if (issue.code === "too_small" && limit === "1") return `${label} is an empty list`;
    return `${label} must have ${word} ${limit} items`;
  }
  return `${label} must be ${word} ${limit}`;
}

function kindName(expected: string): string {
  const names: Record<string, string> = {
    string: "text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: 'a list ("- item" lines or [a, b])',
    object: "a group of fields",
    record: "a group of fields",
  };
  return names[expected] ?? expected;
}

function valueAt(value: unknown, path: Path): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<PropertyKey, unknown>)[part];
  }
  return here;
}
