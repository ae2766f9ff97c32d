import type { Property, PropertyCreate } from "@hubspot/api-client/lib/codegen/crm/properties/index.js";
import { OpenError, outcomeOfNetworkError, untilAborted } from "../../src/connector.ts";
import type { HubSpotApi } from "./client.ts";
import { outcomeOfHubSpotError, statusOf } from "./outcome.ts";

/** Unique on calls, so that a call which is sent again finds its record: HubSpot's batch upsert goes by it. */
export const CALL_ID_PROPERTY = "voice_call_id";
const CALLS = "calls";

/**
 * Makes the property once per account, and checks that it is what an upsert needs. Any number of processes may do so at the same time.
 * @throws {OpenError} HubSpot refuses, or has a property of that name which is not unique; network errors are passed on.
 */
export async function ensureCallIdProperty(options: { api: HubSpotApi; signal: AbortSignal }): Promise<void> {
  const property = await orOpenError(async () => (await readProperty(options)) ?? (await makeProperty(options)));
  if (property.hasUniqueValue === true) return;
  throw new OpenError({
    kind: "rejected",
    code: "property_not_unique",
    reason:
      `the call property ${CALL_ID_PROPERTY} in HubSpot does not ask for unique values, and that cannot be changed later: ` +
      "delete it in HubSpot (Settings → Properties → Call properties), and Patchbay makes it anew",
  });
}

async function readProperty({ api, signal }: { api: HubSpotApi; signal: AbortSignal }): Promise<Property | undefined> {
  try {
    return await untilAborted(signal, () => api.properties.getByName(CALLS, CALL_ID_PROPERTY));
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

async function makeProperty({ api, signal }: { api: HubSpotApi; signal: AbortSignal }): Promise<Property> {
  const groupName = await groupForProperty({ api, signal });
  try {
    return await untilAborted(signal, () =>
      api.properties.create(CALLS, {
        name: CALL_ID_PROPERTY,
        label: "Voice call ID",
        description: "Set by Patchbay: one record for each call",
        groupName,
        type: "string" as PropertyCreate["type"],
        fieldType: "text" as PropertyCreate["fieldType"],
        hasUniqueValue: true,
      }),
    );
  } catch (error) {
    // Another process was quicker. Which status says so is not documented: look.
    if (![400, 409].includes(statusOf(error) ?? 0)) throw error;
    const made = await readProperty({ api, signal });
    if (made) return made;
    throw error;
  }
}

/** A property must be in a group, and the names of HubSpot's own ones for calls are not documented: take the first, or make one. */
async function groupForProperty({ api, signal }: { api: HubSpotApi; signal: AbortSignal }): Promise<string> {
  const { results } = await untilAborted(signal, () => api.propertyGroups.getAll(CALLS));
  const existing = results.find(({ archived }) => !archived);
  if (existing) return existing.name;
  const made = await untilAborted(signal, () => api.propertyGroups.create(CALLS, { name: "patchbay", label: "Patchbay" }));
  return made.name;
}

async function orOpenError<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (outcomeOfNetworkError(error)) throw error;
    const outcome = outcomeOfHubSpotError(error);
    throw outcome.kind === "delivered" ? error : new OpenError(outcome);
  }
}
