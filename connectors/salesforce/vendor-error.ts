import { z } from "zod";

/** One entry of Salesforce's error list, without its message: that may quote the call. */
export interface VendorError {
  code: string;
  /** API names of the fields that it is about. */
  fields?: string[];
  /** REQUEST_LIMIT_EXCEEDED comes in two kinds, which only the message distinguishes. */
  limit?: "daily" | "concurrent";
}

/** Salesforce refused a request, or one record of it. Holds no text of Salesforce's own. */
export class SalesforceError extends Error {
  override readonly name = "SalesforceError";
  /** Of HTTP; undefined for one record of a request that was answered 200. */
  readonly status: number | undefined;
  /** The first one's code: `UNABLE_TO_LOCK_ROW`, `HTTP_502`. */
  readonly code: string;
  readonly fields: string[];
  readonly errors: readonly VendorError[];
  readonly limit: VendorError["limit"];
  readonly retryAfterMs: number | undefined;

  constructor(options: { status?: number | undefined; errors?: VendorError[]; retryAfterMs?: number | undefined }) {
    const { status, errors = [], retryAfterMs } = options;
    const code = errors[0]?.code ?? (status === undefined ? "NO_CODE" : `HTTP_${status}`);
    super(`Salesforce answered ${code}`);
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.fields = errors.flatMap((error) => error.fields ?? []);
    this.limit = errors[0]?.limit;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Both envelopes: `errorCode` in the list of a refused request, `statusCode` in that of a record of a collection. */
const rawError = z.object({
  statusCode: z.string().optional(),
  errorCode: z.string().optional(),
  message: z.string().optional(),
  fields: z.array(z.string()).nullish(),
});

/** A trigger or flow of the org fails with one code, whatever the cause; its message has the cause. */
const AUTOMATION = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY";
const INNER = /\b(UNABLE_TO_LOCK_ROW|INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE|STORAGE_LIMIT_EXCEEDED|LimitException)\b/;
const READ_ONLY_MODE = /\bread[- ]only mode\b|\bmaintenance\b/i;

const CODE = /^[A-Z][A-Z0-9_]{2,60}$/;
const FIELD = /^[A-Za-z]\w{0,79}$/;

/** Reads a list of errors as Salesforce sends it. Anything else (a proxy's page) has none. */
export function readVendorErrors(value: unknown): VendorError[] {
  const list = Array.isArray(value) ? value : [value];
  return list.flatMap((one): VendorError[] => {
    const raw = rawError.safeParse(one);
    if (!raw.success) return [];
    const { statusCode, errorCode, message = "" } = raw.data;
    const given = [statusCode, errorCode].find((text) => text !== undefined && CODE.test(text));
    if (given === undefined || given.startsWith("ERROR_HTTP_")) return [];
    const code = codeBehind(given, message);
    // For an unknown field the list is empty, and the message begins with its name.
    const unknown = /No such column '(\w+)'/.exec(message)?.[1];
    const fields = [...(raw.data.fields ?? []), ...(unknown === undefined ? [] : [unknown])].filter((field) => FIELD.test(field));
    const limit = code === "REQUEST_LIMIT_EXCEEDED" ? (/concurrent/i.test(message) ? "concurrent" : "daily") : undefined;
    return [{ code, fields: [...new Set(fields)], ...(limit ? { limit } : {}) }];
  });
}

/** The code of the cause, where the given one covers several causes that only the message distinguishes. */
function codeBehind(given: string, message: string): string {
  if (given.startsWith("INSUFFICIENT_ACCESS") && READ_ONLY_MODE.test(message)) return "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE";
  if (given !== AUTOMATION) return given;
  const inner = INNER.exec(message)?.[1];
  return inner === "LimitException" ? "APEX_LIMIT_EXCEEDED" : (inner ?? given);
}
