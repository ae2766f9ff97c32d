import type { Property } from "@hubspot/api-client/lib/codegen/crm/properties/index.js";
import { OpenError, outcomeOfNetworkError } from "../../src/connector.ts";
import { CALL_ID_PROPERTY, NOT_SET_UP } from "./call-id.ts";
import type { HubSpotApi } from "./client.ts";
import { outcomeOfHubSpotError, statusOf } from "./outcome.ts";

export const CALLS = "calls";

/** @throws {OpenError} the property is not there, or not what an upsert needs, or HubSpot refuses; network errors are passed on. */
export async function checkCallIdProperty(options: { api: HubSpotApi; signal: AbortSignal }): Promise<void> {
  const property = await orOpenError(() => readCallIdProperty(options));
  if (property) return checkUnique(property);
  throw new OpenError(NOT_SET_UP);
}

/** @throws {OpenError} */
export function checkUnique(property: Property): void {
  if (property.hasUniqueValue === true) return;
  throw new OpenError({
    kind: "unauthorized",
    code: "property_not_unique",
    reason: `the call property ${CALL_ID_PROPERTY} in HubSpot does not ask for unique values, and that cannot be changed later`,
    fix: 'Delete it in HubSpot (Settings → Properties → Call properties), then run "patchbay setup hubspot"',
  });
}

/** Undefined when there is none. */
export async function readCallIdProperty({ api, signal }: { api: HubSpotApi; signal: AbortSignal }): Promise<Property | undefined> {
  try {
    return await api.ask(signal, (sdk) => sdk.properties.getByName(CALLS, CALL_ID_PROPERTY));
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** @throws {OpenError} what HubSpot's refusal means; network errors are passed on. */
export async function orOpenError<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof OpenError || outcomeOfNetworkError(error)) throw error;
    const outcome = outcomeOfHubSpotError(error);
    throw outcome.kind === "delivered" ? error : new OpenError(outcome);
  }
}
