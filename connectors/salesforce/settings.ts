import { createPrivateKey } from "node:crypto";
import { z } from "zod";
import { httpSettings, type Secret, secret } from "../../src/connector.ts";

/** A key from an environment variable often has its line ends written out. */
export function pemOf(privateKey: Secret): string {
  return privateKey.reveal().replaceAll("\\n", "\n");
}

function isRsaKey(privateKey: Secret): boolean {
  try {
    return createPrivateKey(pemOf(privateKey)).asymmetricKeyType === "rsa";
  } catch {
    return false;
  }
}

/** Where credentials and calls may be sent: https, or this machine. */
export function isSafeUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url?.username !== "" || url.password !== "") return false;
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
}

const isLightning = (text: string) => URL.parse(text)?.hostname.endsWith(".lightning.force.com") ?? false;
const isSharedLogin = (text: string) => ["login.salesforce.com", "test.salesforce.com"].includes(URL.parse(text)?.hostname ?? "");

export const settingsSchema = z
  .strictObject({
    login_url: z
      .url({ protocol: /^https?$/ })
      .refine(isSafeUrl, "must begin with https://, without a user or password in it")
      .refine((url) => !isLightning(url), "is the address of the web pages: give https://<your domain>.my.salesforce.com")
      .describe("The org's My Domain address: https://<your domain>.my.salesforce.com"),
    client_id: z.string().min(1, "is empty").describe("Consumer Key of the External Client App"),
    client_secret: secret()
      .optional()
      .describe("Consumer Secret, for the client credentials flow (the app needs a Run As user). Else username and private_key"),
    username: z.string().min(1, "is empty").optional().describe("JWT bearer flow: the integration user's username"),
    private_key: secret()
      .refine(isRsaKey, "is not an RSA private key in PEM form")
      .optional()
      .describe("JWT bearer flow: the private key (PEM) of the certificate that the app has"),
    audience: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe("JWT bearer flow: the `aud` claim. Default https://login.salesforce.com, or https://test.salesforce.com for a sandbox org"),
    external_id_field: z
      .string()
      .regex(/^[A-Za-z]\w*__c$/, "must be a custom field's API name such as Voice_Call_Id__c")
      .default("Voice_Call_Id__c")
      .describe("Text(255) field on Activity, marked External ID, that keeps the call's key. Default Voice_Call_Id__c"),
    api_version: z
      .string()
      // sObject collections take upserts from 46.0 on.
      .regex(/^(4[6-9]|[5-9]\d|1\d\d)\.0$/, 'must be a version from "46.0" on, such as "65.0"')
      .default("65.0")
      .describe('Version of the REST API. Default "65.0"'),
    ...httpSettings,
  })
  .refine(({ client_secret, username, private_key }) => !client_secret || (!username && !private_key), {
    path: ["client_secret"],
    message: "and username with private_key are two ways to log in: give one of them",
  })
  .refine(({ client_secret, username, private_key }) => client_secret || username || private_key, {
    path: ["client_secret"],
    message: "is missing: give it, or username and private_key",
  })
  .refine(({ username, private_key }) => !private_key || username, { path: ["username"], message: "is missing: private_key needs it" })
  .refine(({ username, private_key }) => !username || private_key, { path: ["private_key"], message: "is missing: username needs it" })
  .refine(({ login_url, client_secret, base_url }) => !client_secret || base_url !== undefined || !isSharedLogin(login_url), {
    path: ["login_url"],
    message: "must be the org's own address, https://<your domain>.my.salesforce.com: the client credentials flow works nowhere else",
  })
  .refine(({ base_url }) => base_url === undefined || isSafeUrl(base_url), { path: ["base_url"], message: "must begin with https://" });

export type SalesforceSettings = z.output<typeof settingsSchema>;

/** The connector sets these itself: which record it is, and whose. */
const OWN_FIELDS = new Set(["id", "attributes", "whoid", "whatid", "tasksubtype"]);

const fieldName = z
  .string()
  .regex(/^[A-Za-z]\w*$/, "is not a field's API name such as Campaign__c")
  .refine((name) => !OWN_FIELDS.has(name.toLowerCase()), "is set by the connector");

export const withSchema = z.strictObject({
  subject: z
    .string()
    .optional()
    .describe("The Task's Subject, at most 255 characters. Default: AI call, direction, person or number, agent"),
  description: z
    .string()
    .optional()
    .describe("The Task's Comments, plain text. Default: summary, times, numbers, agent, recording, and the transcript if it is shared"),
  status: z
    .string()
    .min(1, "is empty")
    .default("Completed")
    .describe("The Task's Status, as the org calls a closed one. Default Completed"),
  fields: z
    .record(fieldName, z.string())
    .optional()
    .describe('More Task fields and their values: { Campaign__c: "{{ metadata.campaign }}" }. A value that is empty blanks nothing'),
  match: z
    .strictObject({
      on_many: z
        .enum(["most_recent", "none"])
        .default("most_recent")
        .describe("Several people have the number: take the one modified last, or nobody. Default most_recent"),
      on_none: z.enum(["log_unassociated"]).default("log_unassociated").describe("Nobody has the number: log the call without a person"),
    })
    .default({ on_many: "most_recent", on_none: "log_unassociated" })
    .describe("Which person the call is logged on. A Contact comes before a Lead, a Lead before an Account"),
});

export type SalesforceWith = z.output<typeof withSchema>;
