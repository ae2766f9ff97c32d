/** What the tests of this connector share: an org in the sandbox, the real connector that opens it over loopback, and calls to send. */
import { generateKeyPairSync } from "node:crypto";
import { afterEach, expect } from "vitest";
import type { z } from "zod";
import { type Delivery, type OpenDestination, OpenError, type Outcome, type Receipt, type SharedCall } from "../../src/connector/index.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";

export { documentedCall } from "./documented-call.ts";

import { salesforce } from "../../connectors/salesforce/index.ts";
import type { SalesforceWith } from "../../connectors/salesforce/mapping.ts";
import { createSandbox, type SalesforceSandbox, type SalesforceSandboxOptions } from "../../connectors/salesforce/sandbox/index.ts";
import { recordId } from "../../connectors/salesforce/sandbox/people.ts";

export const DANA = recordId("003", 1);
export const FIELD = "Voice_Call_Id__c";
export const UPSERT = `PATCH /services/data/v65.0/composite/sobjects/Task/${FIELD}`;
export const SEARCH = "GET /services/data/v65.0/search/";
export const QUERY = "GET /services/data/v65.0/query/";
export const TOKEN = "POST /services/oauth2/token";
export const DESCRIBE = "GET /services/data/v65.0/sobjects/Task/describe";

export const atTheEnd: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of atTheEnd.splice(0).reverse()) await close();
});

export function deliveryOf(
  call: SharedCall,
  options: { with?: z.input<typeof salesforce.with>; previous?: Receipt; key?: string; sinceAcceptedMs?: number } = {},
): Delivery<SalesforceWith> {
  const { key = `voiceinfra/${call.call_id}`, previous, sinceAcceptedMs = 0 } = options;
  return { key, call, with: salesforce.with.parse(options.with ?? {}), previous, sinceAcceptedMs, related: undefined };
}

/** Answers in the sandbox's place; undefined lets the sandbox answer. */
export type Fault = (request: Request) => Response | Promise<Response> | undefined;

export interface Org {
  sandbox: SalesforceSandbox;
  url: string;
  /** Opens the connector with the sandbox's settings and these changes. */
  open(changes?: Record<string, string | undefined>): Promise<OpenDestination<SalesforceWith>>;
  fault: { now: Fault };
}

export async function startOrg(options: SalesforceSandboxOptions = {}): Promise<Org> {
  const sandbox = createSandbox(options);
  const fault: Org["fault"] = { now: () => undefined };
  const served = await serveSandbox({ sandbox: { ...sandbox, fetch: (request) => fault.now(request) ?? sandbox.fetch(request) } });
  atTheEnd.push(() => served.close());
  return {
    sandbox,
    url: served.url,
    fault,
    open: (changes) => openWith({ ...sandbox.settings({ url: served.url, folder: "" }), ...changes }),
  };
}

export async function openWith(settings: Record<string, string | undefined>, timeoutMs = 5_000): Promise<OpenDestination<SalesforceWith>> {
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const destination = await salesforce.open({ settings: salesforce.settings.parse(given), timezone: "Europe/Berlin", timeoutMs });
  atTheEnd.push(() => destination.close());
  return destination;
}

export function send(destination: OpenDestination<SalesforceWith>, ...deliveries: Delivery<SalesforceWith>[]): Promise<Outcome[]> {
  return destination.send(deliveries, { signal: AbortSignal.timeout(5_000) });
}

export async function sendOne(destination: OpenDestination<SalesforceWith>, delivery: Delivery<SalesforceWith>): Promise<Outcome> {
  const outcomes = await send(destination, delivery);
  expect(outcomes).toHaveLength(1);
  return outcomes[0] as Outcome;
}

export async function receiptOf(sent: Promise<Outcome>): Promise<Receipt> {
  const outcome = await sent;
  if (outcome.kind !== "delivered") throw new Error(`not delivered: ${JSON.stringify(outcome)}`);
  return outcome.receipt;
}

export async function tasksOf(org: Org): Promise<Record<string, unknown>[]> {
  return (await org.sandbox.records()).map(({ body }) => body);
}

export function opening(promise: Promise<unknown>): Promise<Outcome> {
  return promise.then(
    () => expect.unreachable("it opened"),
    (error) => {
      expect(error).toBeInstanceOf(OpenError);
      return (error as OpenError).outcome;
    },
  );
}

export function count(org: Org, request: string): number {
  return org.sandbox.requests.filter((one) => one === request).length;
}

export const keys = () =>
  generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });

/** The ids of the person that a receipt says the call was logged on. */
export function personOf({ extra }: Receipt): Record<string, string> {
  const { notes: _, left_out: __, side: ___, ...ids } = extra ?? {};
  return ids;
}
