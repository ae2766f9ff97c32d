/** One refusal as HubSpot words it; every part may be missing (https://developers.hubspot.com/docs/api-reference/error-handling). */
export interface HubSpotProblem {
  category?: string;
  correlationId?: string;
  policyName?: string;
  message?: string;
  context?: Record<string, unknown>;
  errors?: { code?: string; message?: unknown; context?: Record<string, unknown> }[];
}

/** HubSpot, or a proxy before it, answered with another status than 2xx. Its text may quote the call, and is not part of `message`. */
export class HubSpotRefusal extends Error {
  override readonly name = "HubSpotRefusal";
  readonly status: number;
  readonly headers: Headers;
  /** The body's JSON; undefined for another body, such as a proxy's page. */
  readonly body: unknown;
  /** The same address answered well a moment ago. */
  readonly isAlive: boolean;

  constructor(answer: { status: number; headers: Headers; body: unknown; isAlive: boolean }) {
    super(`HubSpot answered ${answer.status}`);
    this.status = answer.status;
    this.headers = answer.headers;
    this.body = answer.body;
    this.isAlive = answer.isAlive;
  }
}

/** A 2xx whose body is cut off, is no JSON, or does not have the expected form. */
export class UnreadableAnswerError extends Error {
  override readonly name = "UnreadableAnswerError";

  constructor() {
    super("HubSpot's answer cannot be read");
  }
}

/** The HTTP status of a refusal; undefined when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof HubSpotRefusal ? error.status : undefined;
}

/** What HubSpot complains of in a refusal or in one entry of a 207's `errors`: its code, and the property. */
export interface Complaint {
  code: string;
  property?: string;
}

export function complaintsIn(error: unknown): Complaint[] {
  return detailsOf(problemOf(error instanceof HubSpotRefusal ? error.body : error));
}

/** Our words with HubSpot's codes: `HubSpot answered 400: VALIDATION_ERROR, INVALID_OPTION (hs_call_status), correlation id 4f…`. */
export function describe(problem: HubSpotProblem, what: string): string {
  const details = detailsOf(problem).map(({ code, property }) => (property === undefined ? code : `${code} (${property})`));
  const parts = [problem.category, ...new Set(details)].filter((part) => part !== undefined);
  if (problem.correlationId !== undefined) parts.push(`correlation id ${problem.correlationId}`);
  return parts.length === 0 ? what : `${what}: ${parts.join(", ")}`;
}

/** Codes and property names, from `errors` or from the JSON that HubSpot writes into `message`; never a value. */
export function detailsOf(problem: HubSpotProblem): Complaint[] {
  const listed = (problem.errors ?? []).flatMap(({ code, context }) => {
    const property = propertyIn(context);
    return code !== undefined && CODE.test(code) ? [{ code, ...(property === undefined ? {} : { property }) }] : [];
  });
  if (listed.length > 0) return listed;
  // `Property values were not valid: [{"isValid":false,"message":"…","error":"PROPERTY_DOESNT_EXIST","name":"x",…}]`; a quote in a value is escaped there.
  const inMessage = problem.message?.matchAll(/"error":"([A-Z_]{1,60})","name":"([a-z0-9_]{1,100})"/g) ?? [];
  return [...inMessage].map(([, code = "", property]) => ({ code, ...(property === undefined ? {} : { property }) }));
}

const CODE = /^[A-Z][A-Z0-9_]{1,59}$/;
const PROPERTY = /^[a-z][a-z0-9_]{0,99}$/;

function propertyIn(context: Record<string, unknown> | undefined): string | undefined {
  const named = context?.propertyName;
  const names = Array.isArray(named) ? named : [named];
  return names.find((name): name is string => typeof name === "string" && PROPERTY.test(name));
}

const MISSING = new Set(["MISSING_REQUIRED_PROPERTY", "MISSING_CONDITIONAL_REQUIRED_PROPERTY", "REQUIRED_FIELD"]);

/**
 * Properties that the account's own rules require and a record lacks: enforced on the API since version 2026-09
 * (developers.hubspot.com/changelog/crm-api-write-validation-enforcement).
 */
export function requiredIn(problem: HubSpotProblem): { property: string; isConditional: boolean }[] {
  const listed = detailsOf(problem).flatMap(({ code, property }) =>
    MISSING.has(code) && property !== undefined ? [{ property, isConditional: code === "MISSING_CONDITIONAL_REQUIRED_PROPERTY" }] : [],
  );
  // `Error creating CALL. Some required properties were not set.`, with their names beside it.
  const named = problem.context?.properties;
  if (listed.length > 0 || !Array.isArray(named) || !/\brequired properties were not set\b/i.test(problem.message ?? "")) return listed;
  return named.flatMap((name) => (typeof name === "string" && PROPERTY.test(name) ? [{ property: name, isConditional: false }] : []));
}

/** Reads the parts that a body has; a page of HTML, or no body, has none. */
export function problemOf(body: unknown): HubSpotProblem {
  if (typeof body !== "object" || body === null) return {};
  const from = body as Record<string, unknown>;
  const text = (key: string, form: RegExp) => {
    const value = from[key];
    return typeof value === "string" && form.test(value) ? { [key]: value } : {};
  };
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  return {
    ...text("category", CODE),
    ...text("policyName", CODE),
    ...text("correlationId", /^[0-9a-f-]{8,64}$/i),
    ...text("message", /^/),
    ...(isObject(from.context) ? { context: from.context } : {}),
    ...(Array.isArray(from.errors) ? { errors: from.errors.filter(isObject) } : {}),
  };
}
