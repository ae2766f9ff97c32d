import { randomBytes, verify } from "node:crypto";
import { recordId } from "./people.ts";

/** The integration user's record. */
export const INTEGRATION_USER = recordId("005", 9);

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const AUDIENCES = ["https://login.salesforce.com", "https://test.salesforce.com"];
const MAX_ASSERTION_SECONDS = 300;

/** The app and the user of the sandbox's org. */
export const CLIENT_ID = "patchbay-sandbox-consumer-key";
export const CLIENT_SECRET = "patchbay-sandbox-consumer-secret";
export const REFRESH_TOKEN = "patchbay-sandbox-refresh-token";
export const USERNAME = "integration@sandbox.example.com";

/** The token endpoint, and the tokens that are good. */
export interface OAuth {
  answer(request: Request): Promise<Response>;
  isGood(authorization: string | null): boolean;
  expireTokens(): void;
  /** From now on each login by refresh token gives a new one, and spends the old. */
  rotateRefreshTokens(): void;
}

/** `publicKey` (PEM) is the certificate that the app has for the JWT bearer flow; without one the app does not have the flow. */
export function createOAuth(options: { publicKey: string | undefined }): OAuth {
  const tokens = new Set<string>();
  let rotates = false;
  let refreshToken = REFRESH_TOKEN;
  const refuse = (error: string, error_description: string) => Response.json({ error, error_description }, { status: 400 });

  function issue(origin: string, more: Record<string, string> = {}): Response {
    const token = `00DPb0000000001!${randomBytes(24).toString("base64url")}`;
    tokens.add(token);
    return Response.json({
      access_token: token,
      signature: randomBytes(32).toString("base64"),
      scope: "api",
      instance_url: origin,
      id: `${origin}/id/00DPb0000000001MAA/${INTEGRATION_USER}`,
      token_type: "Bearer",
      issued_at: String(Date.now()),
      ...more,
    });
  }

  return {
    async answer(request) {
      if (request.method !== "POST") return refuse("invalid_request", "must use HTTP POST");
      if (!request.headers.get("content-type")?.startsWith("application/x-www-form-urlencoded")) {
        return refuse("unsupported_grant_type", "grant type not supported");
      }
      const form = new URLSearchParams(await request.text());
      const { origin } = new URL(request.url);
      switch (form.get("grant_type")) {
        case "client_credentials":
          if (form.get("client_id") !== CLIENT_ID) return refuse("invalid_client_id", "client identifier invalid");
          if (form.get("client_secret") !== CLIENT_SECRET) return refuse("invalid_client", "invalid client credentials");
          return issue(origin);
        case "refresh_token":
          if (form.get("client_id") !== CLIENT_ID) return refuse("invalid_client_id", "client identifier invalid");
          // The sandbox's app is one that does not require the secret; a wrong one is refused all the same.
          if (form.has("client_secret") && form.get("client_secret") !== CLIENT_SECRET) {
            return refuse("invalid_client", "invalid client credentials");
          }
          if (form.get("refresh_token") !== refreshToken) return refuse("invalid_grant", "expired access/refresh token");
          if (rotates) refreshToken = randomBytes(24).toString("base64url");
          return issue(origin, rotates ? { refresh_token: refreshToken } : {});
        case JWT_BEARER: {
          const refused = judge(form.get("assertion") ?? "", options.publicKey);
          return refused ? refuse("invalid_grant", refused) : issue(origin);
        }
        default:
          return refuse("unsupported_grant_type", "grant type not supported");
      }
    },
    isGood: (authorization) => tokens.has(/^Bearer (\S+)$/.exec(authorization ?? "")?.[1] ?? ""),
    expireTokens: () => tokens.clear(),
    rotateRefreshTokens() {
      rotates = true;
    },
  };
}

/** Why an assertion is not taken, in Salesforce's words; undefined when it is. */
function judge(assertion: string, publicKey: string | undefined): string | undefined {
  const [header = "", claims = "", signature = "", ...more] = assertion.split(".");
  if (publicKey === undefined || more.length > 0) return "invalid assertion";
  const { alg } = decode(header);
  const isSigned = verify("RSA-SHA256", Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, "base64url"));
  if (alg !== "RS256" || !isSigned) return "invalid assertion";
  const { iss, sub, aud, exp } = decode(claims);
  if (iss !== CLIENT_ID) return "client identifier invalid";
  if (!AUDIENCES.includes(String(aud))) return "audience is invalid";
  if (sub !== USERNAME) return "user hasn't approved this consumer";
  const lastsSeconds = typeof exp === "number" ? exp - Date.now() / 1000 : Number.NaN;
  return lastsSeconds > 0 && lastsSeconds <= MAX_ASSERTION_SECONDS ? undefined : "expired authorization code";
}

function decode(part: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString());
  } catch {
    return {};
  }
}
