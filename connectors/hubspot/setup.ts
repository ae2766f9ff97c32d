import type { SetupStep } from "../../src/connector/index.ts";
import type { CallProperty } from "./answers.ts";
import { CALL_ID_PROPERTY } from "./call-id.ts";
import { connect, type HubSpotApi } from "./client.ts";
import { kindOf, orOpenError, readCallIdProperty } from "./property.ts";
import { createCallProperty, createCallPropertyGroup, readCallPropertyGroups } from "./requests.ts";
import type { HubSpotSettings } from "./settings.ts";
import { statusOf } from "./vendor-error.ts";

/** Whether HubSpot itself keeps one call for each value, or Patchbay looks a call up before it writes, matters when something fails. */
const WHAT = {
  unique: `the call property ${CALL_ID_PROPERTY} (unique values)`,
  plain: `the call property ${CALL_ID_PROPERTY} (without unique values, which this account does not have on calls: each call is looked up before it is written)`,
};

/**
 * Creates the property that calls need, once per account; several people may do so at the same time.
 * @throws {OpenError} HubSpot refuses; or a network error.
 */
export async function setUpHubSpot(options: { settings: HubSpotSettings; timeoutMs: number }): Promise<SetupStep[]> {
  const { settings, timeoutMs } = options;
  const api = connect({ settings, maxWaitMs: timeoutMs });
  const signal = AbortSignal.timeout(timeoutMs);
  return orOpenError(async () => {
    const there = await readCallIdProperty({ api, signal });
    if (there) return [{ what: WHAT[kindOf(there)], done: "was there" }];
    const group = await groupForProperty({ api, signal });
    const { property, done } = await makeProperty({ api, groupName: group.name, signal });
    return [
      ...(group.made ? [{ what: `the group ${group.name} of call properties`, done: "made" as const }] : []),
      { what: WHAT[kindOf(property)], done },
    ];
  });
}

/** A refusal may mean that the property was created meanwhile, or that calls have no unique values here. It is not documented: reading it shows. */
const MAY_BE_ABOUT_UNIQUE = new Set([400, 403, 409, 422]);

async function makeProperty(options: {
  api: HubSpotApi;
  groupName: string;
  signal: AbortSignal;
}): Promise<{ property: CallProperty; done: SetupStep["done"] }> {
  const { api, groupName, signal } = options;
  const make = (hasUniqueValue: boolean) =>
    api.ask(
      signal,
      createCallProperty({
        name: CALL_ID_PROPERTY,
        label: "Voice call ID",
        description: "Set by Patchbay: one record for each call",
        groupName,
        type: "string",
        fieldType: "text",
        hasUniqueValue,
      }),
    );
  let refusal: unknown;
  for (const hasUniqueValue of [true, false]) {
    try {
      return { property: await make(hasUniqueValue), done: "made" };
    } catch (error) {
      if (!MAY_BE_ABOUT_UNIQUE.has(statusOf(error) ?? 0)) throw error;
      const property = await readCallIdProperty({ api, signal });
      if (property) return { property, done: "was there" };
      // The first refusal names the cause, such as a missing scope.
      refusal ??= error;
    }
  }
  throw refusal;
}

/** A property must be in a group. HubSpot's own groups for calls are not documented: take the first, or create one. */
async function groupForProperty({ api, signal }: { api: HubSpotApi; signal: AbortSignal }): Promise<{ name: string; made: boolean }> {
  const { results } = await api.ask(signal, readCallPropertyGroups());
  const existing = results.find(({ archived }) => archived !== true);
  if (existing) return { name: existing.name, made: false };
  const { name } = await api.ask(signal, createCallPropertyGroup({ name: "patchbay", label: "Patchbay" }));
  return { name, made: true };
}
