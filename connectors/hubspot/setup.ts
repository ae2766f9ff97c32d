import type { Property, PropertyCreate } from "@hubspot/api-client/lib/codegen/crm/properties/index.js";
import type { Secret, SetupStep } from "../../src/connector.ts";
import { CALL_ID_PROPERTY } from "./call-id.ts";
import { connect, type HubSpotApi } from "./client.ts";
import { statusOf } from "./outcome.ts";
import { CALLS, checkUnique, orOpenError, readCallIdProperty } from "./property.ts";

const WHAT = `the call property ${CALL_ID_PROPERTY}`;

/**
 * Makes what a call's trip needs, once per account; any number of people may do so, also at the same time.
 * @throws {OpenError} HubSpot refuses, or has a property of that name which is not unique; network errors are passed on.
 */
export async function setUpHubSpot(options: { accessToken: Secret; baseUrl: string | undefined; timeoutMs: number }): Promise<SetupStep[]> {
  const { accessToken, baseUrl, timeoutMs } = options;
  const api = connect({ accessToken, baseUrl, maxWaitMs: timeoutMs });
  const signal = AbortSignal.timeout(timeoutMs);
  return orOpenError(async () => {
    const there = await readCallIdProperty({ api, signal });
    if (there) {
      checkUnique(there);
      return [{ what: WHAT, done: "was there" }];
    }
    const group = await groupForProperty({ api, signal });
    const { property, done } = await makeProperty({ api, groupName: group.name, signal });
    checkUnique(property);
    return [...(group.made ? [{ what: `the group ${group.name} of call properties`, done: "made" as const }] : []), { what: WHAT, done }];
  });
}

async function makeProperty(options: {
  api: HubSpotApi;
  groupName: string;
  signal: AbortSignal;
}): Promise<{ property: Property; done: SetupStep["done"] }> {
  const { api, groupName, signal } = options;
  const wanted: PropertyCreate = {
    name: CALL_ID_PROPERTY,
    label: "Voice call ID",
    description: "Set by Patchbay: one record for each call",
    groupName,
    type: "string" as PropertyCreate["type"],
    fieldType: "text" as PropertyCreate["fieldType"],
    hasUniqueValue: true,
  };
  try {
    return { property: await api.ask(signal, (sdk) => sdk.properties.create(CALLS, wanted)), done: "made" };
  } catch (error) {
    // Somebody else was quicker. Which status says so is not documented: look.
    if (![400, 409].includes(statusOf(error) ?? 0)) throw error;
    const property = await readCallIdProperty({ api, signal });
    if (property) return { property, done: "was there" };
    throw error;
  }
}

/** A property must be in a group, and the names of HubSpot's own ones for calls are not documented: take the first, or make one. */
async function groupForProperty({ api, signal }: { api: HubSpotApi; signal: AbortSignal }): Promise<{ name: string; made: boolean }> {
  const { results } = await api.ask(signal, (sdk) => sdk.propertyGroups.getAll(CALLS));
  const existing = results.find(({ archived }) => !archived);
  if (existing) return { name: existing.name, made: false };
  const { name } = await api.ask(signal, (sdk) => sdk.propertyGroups.create(CALLS, { name: "patchbay", label: "Patchbay" }));
  return { name, made: true };
}
