import { OAuth2 } from "jsforce/lib/oauth2.js";
import { z } from "zod";
import { OpenError, outcomeOfNetworkError, signJwt } from "../../src/connector/index.ts";
import { outcomeOfSalesforceError } from "./errors.ts";
import { explainLogin } from "./login-errors.ts";
import { type Flow, flowOf, isSafeUrl, pemOf, type SalesforceSettings } from "./settings.ts";
import { createTransport, type Exchange } from "./transport.ts";
import { SalesforceError } from "./vendor-error.ts";

export interface Token {
  accessToken: string;
  /** The org's own address, without a slash at its end. */
  instanceUrl: string;
  /** The integration user's record; undefined when Salesforce does not say. */
  userId: string | undefined;
}

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/** As long as Salesforce allows (help: "OAuth 2.0 JWT Bearer Flow"): its clock and ours may differ. */
const ASSERTION_SECONDS = 180;

/** `id` is the identity URL: …/id/<org>/<user> (help: "OAuth 2.0 Client Credentials Flow"). */
const tokenAnswer = z.object({
  access_token: z.string().min(1),
  instance_url: z.string().refine(isSafeUrl),
  id: z.string().optional(),
  refresh_token: z.string().optional(),
});

/**
 * Asks for an access token, by the flow that the settings give: client credentials, JWT bearer or refresh token.
 * @throws {OpenError} whatever goes wrong: nothing was sent that could be unclear.
 */
export async function logIn(options: { settings: SalesforceSettings; signal: AbortSignal }): Promise<Token> {
  const { settings, signal } = options;
  const { client_id, client_secret, refresh_token, login_url, base_url } = settings;
  const flow = flowOf(settings);
  const exchange: Exchange = { signal };
  const oauth2 = new OAuth2({
    loginUrl: base_url ?? login_url,
    ...(flow === "jwt" ? {} : { clientId: client_id, ...(client_secret ? { clientSecret: client_secret.reveal() } : {}) }),
  });
  oauth2._transport = createTransport(exchange);

  let answer: unknown;
  try {
    answer = await oauth2.requestToken(grantOf(settings, flow));
  } catch (error) {
    throw new OpenError(outcomeOfFailedLogin(error, exchange, flow));
  }
  const token = tokenAnswer.safeParse(answer);
  if (!token.success) {
    const fix = "Set login_url to the org's My Domain address: https://<your domain>.my.salesforce.com";
    throw new OpenError({ kind: "needs-fix", code: "no_token", reason: "what answers at login_url gives no access token", fix });
  }
  if (refresh_token && token.data.refresh_token !== undefined && token.data.refresh_token !== refresh_token.reveal()) {
    const reason = "the app gives a new refresh token at each login, and the one in the settings is spent";
    const fix = "Switch off Refresh Token Rotation of the app, log in to it once more, and put the new token into the settings";
    throw new OpenError({ kind: "needs-fix", code: "refresh_token_rotates", reason, fix });
  }
  const { access_token, instance_url, id } = token.data;
  return { accessToken: access_token, instanceUrl: new URL(instance_url).origin, userId: /\/(005\w{12,15})$/.exec(id ?? "")?.[1] };
}

function grantOf(settings: SalesforceSettings, flow: Flow): { grant_type: string } & Record<string, string> {
  switch (flow) {
    case "client_credentials":
      return { grant_type: "client_credentials" };
    case "refresh_token":
      return { grant_type: "refresh_token", refresh_token: settings.refresh_token?.reveal() ?? "" };
    case "jwt":
      return { grant_type: JWT_BEARER, assertion: assertionOf(settings, Date.now()) };
  }
}

type NotDelivered = ConstructorParameters<typeof OpenError>[0];

function outcomeOfFailedLogin(error: unknown, exchange: Exchange, flow: Flow): NotDelivered {
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
  const claims = { iss: client_id, sub: username, aud: audience, exp: Math.floor(nowMs / 1000) + ASSERTION_SECONDS };
  return signJwt({ key: pemOf(private_key), claims });
}

function audienceOf(loginUrl: string): string {
  const { hostname } = new URL(loginUrl);
  const isSandboxOrg = hostname === "test.salesforce.com" || hostname.endsWith(".sandbox.my.salesforce.com");
  return isSandboxOrg ? "https://test.salesforce.com" : "https://login.salesforce.com";
}
