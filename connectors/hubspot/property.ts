import { OpenError, outcomeOfNetworkError } from "../../src/connector/index.ts";
import type { CallProperty } from "./answers.ts";
import { CALL_ID_PROPERTY, NOT_SET_UP } from "./call-id.ts";
import type { HubSpotApi } from "./client.ts";
import { outcomeOfHubSpotError } from "./errors.ts";
import { readCallProperty } from "./requests.ts";
import { HubSpotRefusal } from "./vendor-error.ts";

/**
 * How the account keeps one record for each call: `unique`: HubSpot itself, by the property's unique values. `plain`: it refuses unique values on
 * calls, so that a call is looked up by the property before it is written.
 */
export type CallIdKind = "unique" | "plain";

/** @throws {OpenError} the property does not exist, or HubSpot refuses; or a network error. */
export async function callIdKindOf(options: { api: HubSpotApi; signal: AbortSignal }): Promise<CallIdKind> {
  const property = await orOpenError(() => readCallIdProperty(options));
  if (property) return kindOf(property);
  throw new OpenError(NOT_SET_UP);
}

export const kindOf = ({ hasUniqueValue }: CallProperty): CallIdKind => (hasUniqueValue === true ? "unique" : "plain");

/** Undefined when it does not exist. */
export async function readCallIdProperty({ api, signal }: { api: HubSpotApi; signal: AbortSignal }): Promise<CallProperty | undefined> {
  try {
    return await api.ask(signal, readCallProperty(CALL_ID_PROPERTY));
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}

/** A 404 with JSON of HubSpot's; another server at base_url answers with a page. */
function isNotThere(error: unknown): boolean {
  return error instanceof HubSpotRefusal && error.status === 404 && error.body !== undefined;
}

/** @throws {OpenError} what HubSpot's refusal means; or a network error. */
export async function orOpenError<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof OpenError || outcomeOfNetworkError(error)) throw error;
    const outcome = outcomeOfHubSpotError(error);
    throw outcome.kind === "delivered" ? error : new OpenError(outcome);
  }
}
