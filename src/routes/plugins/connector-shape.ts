import { CONTRACT_VERSION } from "../../connector/index.ts";
import { NAME } from "../file/schema.ts";

type Check = (value: unknown) => string | undefined;

const isText: Check = (value) => (typeof value === "string" && value !== "" ? undefined : "must be a text");
const isFunction: Check = (value) => (typeof value === "function" ? undefined : "must be a function");
const isFunctionOrAbsent: Check = (value) => (value === undefined ? undefined : isFunction(value));
const oneOf =
  (...words: string[]): Check =>
  (value) =>
    words.includes(String(value)) ? undefined : `must be one of ${words.join(", ")}`;
/** Of any copy of zod 4: what is asked of it is its form, not its class. */
const isZodObject: Check = (value) => {
  const { def, safeParse } = (value ?? {}) as { def?: { type?: unknown }; safeParse?: unknown };
  return def?.type === "object" && typeof safeParse === "function" ? undefined : "must be a z.strictObject of zod 4";
};
const isCount: Check = (value) => (Number.isInteger(value) && (value as number) > 0 ? undefined : "must be a whole number above 0");
const isBatch: Check = (value) => {
  const { maxCalls, concurrency } = (value ?? {}) as { maxCalls?: unknown; concurrency?: unknown };
  return (isCount(maxCalls) ?? isCount(concurrency)) ? "must be { maxCalls, concurrency }, whole numbers above 0" : undefined;
};
const areFunctionsOrAbsent: Check = (value) =>
  value === undefined || (typeof value === "object" && value !== null && Object.values(value).every((one) => typeof one === "function"))
    ? undefined
    : "must be an object of functions";
const isName: Check = (value) =>
  typeof value === "string" && NAME.test(value) ? undefined : "must be small letters, digits, dots and dashes";

const CHECKS: Record<string, Check> = {
  name: isName,
  title: isText,
  keeps: oneOf("record", "message"),
  duplicates: oneOf("native-key", "find", "none"),
  settings: isZodObject,
  with: isZodObject,
  batch: isBatch,
  open: isFunction,
  sandbox: isFunction,
  setup: isFunctionOrAbsent,
  target: isFunctionOrAbsent,
  note: isFunctionOrAbsent,
  needs: isFunctionOrAbsent,
  escape: areFunctionsOrAbsent,
};

/** Why a value that somebody else exports is no connector, the first reason; undefined where it is one. */
export function connectorProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return "it must be an object";
  const fields = value as Record<string, unknown>;
  if (fields.contract !== undefined && fields.contract !== CONTRACT_VERSION) {
    return `it was made for contract ${String(fields.contract)}, and this Patchbay has ${CONTRACT_VERSION}`;
  }
  for (const [field, check] of Object.entries(CHECKS)) {
    const problem = check(fields[field]);
    if (problem !== undefined) return `"${field}" ${problem}`;
  }
  return undefined;
}
