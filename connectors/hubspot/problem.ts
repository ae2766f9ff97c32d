/** One refusal as HubSpot words it; every part may be missing (https://developers.hubspot.com/docs/api-reference/error-handling). */
export interface HubSpotProblem {
  category?: string;
  correlationId?: string;
  policyName?: string;
  message?: string;
  context?: Record<string, unknown>;
  errors?: { code?: string; context?: Record<string, unknown> }[];
}

/** Our words with HubSpot's codes: `HubSpot answered 400: VALIDATION_ERROR, INVALID_OPTION (hs_call_status), correlation id 4f…`. */
export function describe(problem: HubSpotProblem, what: string): string {
  const details = detailsOf(problem).map(({ code, property }) => (property === undefined ? code : `${code} (${property})`));
  const parts = [problem.category, ...new Set(details)].filter((part) => part !== undefined);
  if (problem.correlationId !== undefined) parts.push(`correlation id ${problem.correlationId}`);
  return parts.length === 0 ? what : `${what}: ${parts.join(", ")}`;
}

/** Codes and property names, from `errors` or from the JSON that HubSpot writes into `message`; never a value. */
export function detailsOf(problem: HubSpotProblem): { code: string; property?: string }[] {
  const listed = (problem.errors ?? []).flatMap(({ code, context }) => {
    const names = Array.isArray(context?.propertyName) ? context.propertyName : [];
    const property = names.find((name) => typeof name === "string" && PROPERTY.test(name));
    return code !== undefined && CODE.test(code) ? [{ code, ...(property === undefined ? {} : { property }) }] : [];
  });
  if (listed.length > 0) return listed;
  // `Property values were not valid: [{"isValid":false,"message":"…","error":"PROPERTY_DOESNT_EXIST","name":"x",…}]`; a quote in a value is escaped there.
  const inMessage = problem.message?.matchAll(/"error":"([A-Z_]{1,60})","name":"([a-z0-9_]{1,100})"/g) ?? [];
  return [...inMessage].map(([, code = "", property]) => ({ code, ...(property === undefined ? {} : { property }) }));
}

const CODE = /^[A-Z][A-Z0-9_]{1,59}$/;
const PROPERTY = /^[a-z][a-z0-9_]{0,99}$/;

/** Reads what there is; a page of HTML, or nothing, has no parts. */
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
