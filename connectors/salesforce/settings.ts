import { createPrivateKey } from "node:crypto";
import { z } from "zod";
import { httpSettings, type Secret, secret } from "../../src/connector/index.ts";

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

export type Flow = "client_credentials" | "jwt" | "refresh_token";

/** How these settings log in. There is no username-password flow: Salesforce is taking it away (help article 000886201). */
export function flowOf(given: { client_secret?: Secret | undefined; refresh_token?: Secret | undefined }): Flow {
  if (given.refresh_token) return "refresh_token";
  return given.client_secret ? "client_credentials" : "jwt";
}

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
      .describe(
        "Consumer Secret, for the client credentials flow (the app needs a Run As user); else username and private_key, or refresh_token",
      ),
    username: z.string().min(1, "is empty").optional().describe("JWT bearer flow: the integration user's username"),
    private_key: secret()
      .refine(isRsaKey, "is not an RSA private key in PEM form")
      .optional()
      .describe("JWT bearer flow: the private key (PEM) of the certificate that the app has"),
    audience: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe("JWT bearer flow: the `aud` claim. Default https://login.salesforce.com, or https://test.salesforce.com for a sandbox org"),
    refresh_token: secret()
      .optional()
      .describe(
        "Refresh token flow: a token that somebody has got by logging in to the app; with client_secret where the app requires one",
      ),
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
    daily_limit_stop: z.coerce
      .number()
      .int("is a whole number of percent")
      .min(10, "is from 10 to 100")
      .max(100, "is from 10 to 100")
      .default(95)
      .describe("Calls wait while the org has used up so many percent of its API requests of 24 hours: the rest is for others. Default 95"),
    ...httpSettings,
  })
  .refine(({ client_secret, username, private_key }) => !client_secret || (!username && !private_key), {
    path: ["client_secret"],
    message: "and username with private_key are two ways to log in: give one of them",
  })
  .refine(({ refresh_token, username, private_key }) => !refresh_token || (!username && !private_key), {
    path: ["refresh_token"],
    message: "and username with private_key are two ways to log in: give one of them",
  })
  .refine(({ client_secret, username, private_key, refresh_token }) => client_secret || username || private_key || refresh_token, {
    path: ["client_secret"],
    message: "is missing: give it, or username and private_key, or refresh_token",
  })
  .refine(({ username, private_key }) => !private_key || username, { path: ["username"], message: "is missing: private_key needs it" })
  .refine(({ username, private_key }) => !username || private_key, { path: ["private_key"], message: "is missing: username needs it" })
  .refine((given) => flowOf(given) !== "client_credentials" || given.base_url !== undefined || !isSharedLogin(given.login_url), {
    path: ["login_url"],
    message: "must be the org's own address, https://<your domain>.my.salesforce.com: the client credentials flow works nowhere else",
  })
  .refine(({ base_url }) => base_url === undefined || isSafeUrl(base_url), { path: ["base_url"], message: "must begin with https://" });

export type SalesforceSettings = z.output<typeof settingsSchema>;
