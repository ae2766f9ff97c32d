import { ExactNumber, parseJsonExactly } from "../lib/text/exact-number.ts";
import type { CallRecord } from "./call.ts";
import { contentHash } from "./canonical.ts";
import { hasMoreValues } from "./values.ts";

export interface FieldProblem {
  field: string;
  problem: string;
}

type Refused = { ok: false; status: 400 | 422; code: string; message: string; fields?: FieldProblem[] };
/** `fields` are the body's, unchanged. */
export type ValidatedRecord = { ok: true; callId: string; fields: Record<string, unknown> } | Refused;
/** `hash` is that of the whole record, every field included. */
export type ParsedRecord = { ok: true; record: CallRecord; hash: string } | Refused;

/** Deeper than any record of calls; canonical JSON and templates walk it with the stack. */
const MAX_DEPTH = 64;
/** 50,000 take 45 ms to read; a call with a word list of an hour has fewer. */
const MAX_VALUES = 50_000;
const MAX_CALL_ID_LENGTH = 512;
/** A call of 31 years: the largest whole number that CRMs' and databases' 32-bit seconds still hold a margin above. */
const MAX_DURATION_SECONDS = 1_000_000_000;
/** `2025-01-15T14:23:00Z`, with or without fraction, zone, or time; without a zone it is UTC. */
const ISO_8601 = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

type Check = (value: unknown) => string | undefined;

const isText: Check = (value) => (typeof value === "string" ? undefined : "must be a text");

const isCallId: Check = (value) => {
  if (typeof value !== "string") return "must be a text";
  if (value === "") return "is empty";
  if (value.length > MAX_CALL_ID_LENGTH) return `is longer than ${MAX_CALL_ID_LENGTH} characters`;
  if (!value.isWellFormed()) return "has half of a character (a lone surrogate)";
  // In a terminal, a log or a file's name it must be visible: C0, C1, line ends, and what turns a line around.
  return /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(value) ? "has control characters" : undefined;
};

/** A withheld number may come as null. */
const isNumberOfSomeone: Check = (value) => (value === null ? undefined : isText(value));

const isDuration: Check = (value) => {
  if (typeof value !== "number" || !Number.isFinite(value)) return "must be a number of seconds";
  if (value < 0) return "is below 0";
  return value > MAX_DURATION_SECONDS ? `is above ${MAX_DURATION_SECONDS}` : undefined;
};

const isTime: Check = (value) => {
  if (typeof value !== "string") return "must be an ISO 8601 time";
  return ISO_8601.test(value) && !Number.isNaN(Date.parse(value)) ? undefined : "is not an ISO 8601 time";
};

/** What VoiceInfra's documentation lists; `transcript` is missing in its own example, a failed call may lack the other two. */
const REQUIRED = Object.entries<Check>({
  call_id: isCallId,
  from_number: isNumberOfSomeone,
  to_number: isNumberOfSomeone,
  agent_id: isText,
  duration_seconds: isDuration,
  start_time: isTime,
  end_time: isTime,
  call_outcome: isText,
});
const OPTIONAL_TEXTS = ["recording_url", "transcript", "summary"] as const;
const KNOWN = new Set([...REQUIRED.map(([field]) => field), ...OPTIONAL_TEXTS, "metadata"]);

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Is it a call record? Messages name fields, never their values: they are logged and shown.
 * 400: it is not JSON of an object. 422: it is, and some fields are not what VoiceInfra documents, all of them listed.
 */
export function validateRecord(body: Uint8Array): ValidatedRecord {
  // Before it is read: that is what takes the time.
  if (hasMoreValues(body, MAX_VALUES))
    return { ok: false, status: 422, code: "too_many_values", message: `The body holds more than ${MAX_VALUES} values.` };
  const parsed = parseObject(body);
  return parsed.ok ? judgeFields(parsed.fields) : parsed;
}

/** As {@link validateRecord}, and normalised. Numbers that a double does not hold keep their text. */
export function parseRecord(body: Uint8Array): ParsedRecord {
  const parsed = parseObject(body);
  if (!parsed.ok) return parsed;
  const judged = judgeFields(parsed.fields);
  if (!judged.ok) return judged;
  const exact = mayAlterNumbers(parsed.text) ? (parseJsonExactly(parsed.text) as Record<string, unknown>) : parsed.fields;
  // A documented field stays plain: nobody needs the twentieth digit of a call's length.
  const { duration_seconds } = judged.fields;
  return { ok: true, record: toRecord({ ...exact, duration_seconds }), hash: contentHash(exact) };
}

/** Sixteen digits, an exponent or a negative zero: what a double may not give back. Most records have none, and are read once. */
const mayAlterNumbers = (text: string) => /\d[\d.]{15}|\d[eE][+-]?\d|-0(?!\d)/.test(text);

function judgeFields(fields: Record<string, unknown>): ValidatedRecord {
  const problems: FieldProblem[] = [];
  for (const [field, check] of REQUIRED) {
    const problem = field in fields ? check(fields[field]) : "is missing";
    if (problem !== undefined) problems.push({ field, problem });
  }
  for (const field of OPTIONAL_TEXTS) {
    const value = fields[field];
    if (value !== undefined && value !== null && typeof value !== "string") problems.push({ field, problem: "must be a text" });
  }
  if (problems.length > 0) {
    const message = `This is not a call record: ${problems.map(({ field, problem }) => `${field} ${problem}`).join(", ")}.`;
    return { ok: false, status: 422, code: "not_a_call_record", message, fields: problems };
  }
  return { ok: true, callId: fields.call_id as string, fields };
}

function parseObject(body: Uint8Array): { ok: true; text: string; fields: Record<string, unknown> } | Refused {
  const bad = (code: string, message: string) => ({ ok: false, status: 400, code, message }) as const;
  if (body.byteLength === 0) return bad("empty_body", "The body is empty.");
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    return bad("not_utf8", "The body is not UTF-8.");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return bad("not_json", "The body is not JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return bad("not_an_object", "The body is JSON, but not an object.");
  if (isDeeper(value, MAX_DEPTH)) {
    return { ok: false, status: 422, code: "too_deep", message: `The body is nested more than ${MAX_DEPTH} levels deep.` };
  }
  return { ok: true, text, fields: value as Record<string, unknown> };
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const key in value) if (isDeeper((value as Record<string, unknown>)[key], levels - 1)) return true;
  return false;
}

function toRecord(fields: Record<string, unknown>): CallRecord {
  const text = (field: string) => (fields[field] as string | null) ?? "";
  const optional = Object.fromEntries(
    OPTIONAL_TEXTS.flatMap((field) => (typeof fields[field] === "string" ? [[field, fields[field]]] : [])),
  );
  const { metadata } = fields;
  return {
    call_id: text("call_id"),
    from_number: text("from_number"),
    to_number: text("to_number"),
    agent_id: text("agent_id"),
    duration_seconds: fields.duration_seconds as number,
    start_time: text("start_time"),
    end_time: text("end_time"),
    call_outcome: text("call_outcome"),
    ...optional,
    // Its shape is not documented: what is no object is kept under `value`.
    ...(metadata === undefined || metadata === null ? {} : { metadata: isPlainObject(metadata) ? metadata : { value: metadata } }),
    // Own properties of JSON.parse, `__proto__` among them: fromEntries defines, it does not assign, so no prototype is touched.
    unknown: Object.fromEntries(Object.entries(fields).filter(([key]) => !KNOWN.has(key))),
  };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}
