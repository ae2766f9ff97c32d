import { sign } from "node:crypto";
import { OAuth2 } from "jsforce/lib/oauth2.js";
import { z } from "zod";
import { OpenError, outcomeOfNetworkError } from "../../src/connector.ts";
import { SalesforceError } from "./errors.ts";
import { explainLogin } from "./login-errors.ts";
import { outcomeOfSalesforceError } from "./outcome.ts";
import { isSafeUrl, pemOf, type SalesforceSettings } from "./settings.ts";
import { createTransport, type Exchange } from "./transport.ts";

export interface Token {
  accessToken: string;
  /** The org's own address, without a slash at its end. */
  instanceUrl: string;
}

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/** As long as Salesforce allows (help: "OAuth 2.0 JWT Bearer Flow"): its clock and ours may differ. */
const ASSERTION_SECONDS = 180;

const tokenAnswer = z.object({ access_token: z.string().min(1), instance_url: z.string().refine(isSafeUrl) });

/**
 * Asks for an access token, by the flow that the settings give: client credentials or JWT bearer. Neither gives a refresh token.
 * @throws {OpenError} whatever goes wrong: nothing was sent that could be unclear.
 */
export async function logIn(options: { settings: SalesforceSettings; signal: AbortSignal }): Promise<Token> {
  const { settings, signal } = options;
  const { client_id, client_secret, login_url, base_url } = settings;
  const exchange: Exchange = { signal };
  const oauth2 = new OAuth2({
    loginUrl: base_url ?? login_url,
    ...(client_secret ? { clientId: client_id, clientSecret: client_secret.reveal() } : {}),
  });
  oauth2._transport = createTransport(exchange);

  let answer: unknown;
  try {
    answer = await oauth2.requestToken(
      client_secret ? { grant_type: "client_credentials" } : { grant_type: JWT_BEARER, assertion: assertionOf(settings, Date.now()) },
    );
  } catch (error) {
    throw new OpenError(outcomeOfFailedLogin(error, exchange, client_secret ? "client_credentials" : "jwt"));
  }
  const token = tokenAnswer.safeParse(answer);
  if (!token.success) {
    const fix = "Set login_url to the org's My Domain address: https://<your domain>.my.salesforce.com";
    throw new OpenError({ kind: "unauthorized", code: "no_token", reason: "what answers at login_url gives no access token", fix });
  }
  return { accessToken: token.data.access_token, instanceUrl: new URL(token.data.instance_url).origin };
}

type NotDelivered = ConstructorParameters<typeof OpenError>[0];

function outcomeOfFailedLogin(error: unknown, exchange: Exchange, flow: "client_credentials" | "jwt"): NotDelivered {
  if (!(error instanceof SalesforceError) && outcomeOfNetworkError(error)) {
    return { kind: "retry", because: "down", code: "login_unreachable", reason: "the login address of Salesforce does not answer" };
  }
  const { status, retryAfterMs } = exchange;
  if (status === 429 || (status ?? 0) >= 500) {
    return outcomeOfSalesforceError(new SalesforceError({ status: status === 429 ? 429 : 503, retryAfterMs })) as NotDelivered;
  }
  // jsforce puts the `error` of RFC 6749 §5.2 into `name`, its description into `message`.
  const { name, message } = error instanceof Error ? error : { name: "", message: "" };
  return explainLogin({ code: name ?? "", description: message, flow });
}

/** RFC 7523 §3, in the form that Salesforce takes: RS256, four claims. */
function assertionOf(settings: SalesforceSettings, nowMs: number): string {
  const { client_id, username, private_key, audience = audienceOf(settings.login_url) } = settings;
  if (!username || !private_key) throw new Error("the settings have no username and private_key");
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: client_id, sub: username, aud: audience, exp: Math.floor(nowMs / 1000) + ASSERTION_SECONDS };
  const signed = `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${sign("RSA-SHA256", Buffer.from(signed), pemOf(private_key)).toString("base64url")}`;
}

function audienceOf(loginUrl: string): string {
  const { hostname } = new URL(loginUrl);
  const isSandboxOrg = hostname === "test.salesforce.com" || hostname.endsWith(".sandbox.my.salesforce.com");
  return isSandboxOrg ? "https://test.salesforce.com" : "https://login.salesforce.com";
}
