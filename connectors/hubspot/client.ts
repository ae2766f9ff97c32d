import { Client } from "@hubspot/api-client";
import type { Secret } from "../../src/connector.ts";

/** The parts of HubSpot's API that a call's trip needs. */
export type HubSpotApi = ReturnType<typeof connect>;

/**
 * The SDK without its own retries and limiter: they would hide rate limits, and they print.
 * Both live in one object of the whole process, set by the last `new Client()` and copied when an API is first touched;
 * so all are touched here, at once.
 */
export function connect(options: { accessToken: Secret; baseUrl: string | undefined }) {
  const { accessToken, baseUrl } = options;
  const { crm } = new Client({
    accessToken: accessToken.reveal(),
    ...(baseUrl === undefined ? {} : { basePath: baseUrl.replace(/\/+$/, "") }),
  });
  return {
    calls: crm.objects.calls.batchApi,
    call: crm.objects.calls.basicApi,
    contacts: crm.contacts.searchApi,
    properties: crm.properties.coreApi,
    propertyGroups: crm.properties.groupsApi,
    associations: crm.associations.v4.batchApi,
  };
}
