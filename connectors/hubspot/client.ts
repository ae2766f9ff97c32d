import { Client } from "@hubspot/api-client";
import { type Secret, untilAborted } from "../../src/connector.ts";
import { createPace } from "./pace.ts";

/** The parts of HubSpot's API that a call's trip needs. */
export type HubSpotSdk = ReturnType<typeof sdkOf>;

export interface HubSpotApi {
  sdk: HubSpotSdk;
  /** A request in its turn, below the account's limit: what goes over it fails, and counts as an error with HubSpot. Ends with the signal. */
  ask<T>(signal: AbortSignal, request: (sdk: HubSpotSdk) => Promise<T>): Promise<T>;
}

/** 100 to 250 requests in 10 s, by the account's edition (usage guidelines): the first answer tells, and opening has some. */
const NOT_TOLD_YET = { starts: Number.POSITIVE_INFINITY, perMs: 10_000 };
/** What comes at once may go at once, up to here, and what a busy machine was late with is made up for; beyond that requests are spread evenly. */
const BURST = 20;

/** `maxWaitMs`: a request whose turn does not come within it fails with `TooManyWaitError`. */
export function connect(options: { accessToken: Secret; baseUrl: string | undefined; maxWaitMs: number }): HubSpotApi {
  const { accessToken, baseUrl, maxWaitMs } = options;
  const pace = createPace({ ...NOT_TOLD_YET, burst: BURST });
  const sdk = sdkOf({
    accessToken,
    baseUrl,
    onHeaders(headers) {
      const [starts, left, perMs] = ["max", "remaining", "interval-milliseconds"].map((name) =>
        Number(headers[`x-hubspot-ratelimit-${name}`]),
      );
      // Answers to searches have none; a limit of nothing would stop us for good.
      if (starts && perMs && left !== undefined && left >= 0) pace.heard({ starts, left, perMs });
    },
  });
  return {
    sdk,
    ask: (signal, request) => untilAborted(signal, () => pace.run(() => request(sdk), { maxWaitMs, signal })),
  };
}

/**
 * The SDK without its own retries and limiter: they would hide rate limits, and they print.
 * Both live in one object of the whole process, set by the last `new Client()` and copied when an API is first touched;
 * so all are touched here, at once.
 */
function sdkOf(options: { accessToken: Secret; baseUrl: string | undefined; onHeaders(headers: Record<string, string>): void }) {
  const { accessToken, baseUrl, onHeaders } = options;
  const client = new Client({
    accessToken: accessToken.reveal(),
    ...(baseUrl === undefined ? {} : { basePath: baseUrl.replace(/\/+$/, "") }),
    middleware: [
      {
        pre: (context) => context,
        post(context) {
          onHeaders((context as { headers?: Record<string, string> }).headers ?? {});
          return context;
        },
      },
    ],
  });
  const { crm } = client;
  return {
    calls: crm.objects.calls.batchApi,
    call: crm.objects.calls.basicApi,
    contactSearch: crm.contacts.searchApi,
    contact: crm.contacts.basicApi,
    deals: crm.deals.batchApi,
    owners: crm.owners.ownersApi,
    properties: crm.properties.coreApi,
    propertyGroups: crm.properties.groupsApi,
    associations: crm.associations.v4.batchApi,
    association: crm.associations.v4.basicApi,
    /** The SDK has no typed API for it. Resolves whatever the status. */
    accountDetails: () => client.apiRequest({ method: "GET", path: "/account-info/v3/details" }),
  };
}
