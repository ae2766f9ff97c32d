import type { OpenError } from "../../src/connector/index.ts";
import type { Flow } from "./settings.ts";

type NotDelivered = ConstructorParameters<typeof OpenError>[0];

const APP = "Setup → External Client App Manager → your app";
const LOGIN_RATE_MS = 60_000;
const LOGIN = "The integration user may not log in from here, or not now: look at its login hours and IP ranges, and Setup → Login History";

/**
 * Says what to fix when Salesforce refuses a login: `code` and `description` are those of RFC 6749 §5.2.
 * Several causes share `invalid_grant`; the description distinguishes them and is not passed on.
 */
export function explainLogin(options: { code: string; description: string; flow: Flow }): NotDelivered {
  const { description, flow } = options;
  const code = /^[a-z][a-z_]{2,60}$/.test(options.code) ? options.code : "login_refused";
  if (/rate.?(?:limit.?)?exceeded|login rate|too many/i.test(`${code} ${description}`)) {
    const reason = "Salesforce refuses more logins of this user for a while";
    return { kind: "retry", because: "rate-limit", code, reason, retryAfterMs: LOGIN_RATE_MS };
  }
  if (
    /^(?:unknown_error|server_error|temporarily_unavailable|service_unavailable)$/.test(code) ||
    /maintenance|try again later/i.test(description)
  ) {
    return { kind: "retry", because: "down", code, reason: `Salesforce could not log us in now (${code})` };
  }
  return { kind: "needs-fix", code, reason: `Salesforce refuses the login (${code})`, fix: fixOf(code, description, flow) };
}

function fixOf(code: string, description: string, flow: Flow): string {
  switch (code) {
    case "invalid_client_id":
      return `client_id is not the Consumer Key of an app of this org: copy it from ${APP} → Settings → OAuth Settings. A new app takes up to 10 minutes`;
    case "invalid_client":
      return flow === "jwt"
        ? `private_key does not belong to the certificate of the app: upload the certificate again under ${APP} → Settings → OAuth Settings → JWT Bearer Flow`
        : `client_secret is wrong or was rotated: copy Consumer Key and Secret from ${APP} → Settings → OAuth Settings`;
    case "inactive_user":
      return "The integration user is not active: Setup → Users → Active";
    case "inactive_org":
    case "org_locked":
    case "trial_expired":
      return "The org is locked, closed or suspended: ask its administrator";
    case "invalid_app_access":
    case "invalid_app_acess":
      return `The integration user may not use the app: ${APP} → Policies → Permitted Users, and its profiles or permission sets`;
    case "unsupported_grant_type":
      return `The app does not have this flow: switch it on under ${APP} → Settings → OAuth Settings → Flow Enablement`;
    case "invalid_grant":
      if (/restricted|\bip\b/i.test(description)) return LOGIN;
      if (/inactive|locked out/i.test(description)) return "The integration user is not active, or locked out: Setup → Users";
      if (flow === "refresh_token") {
        return "refresh_token has expired or was revoked: log in to the app once more, and let its policy keep refresh tokens until they are revoked";
      }
      return flow === "jwt" ? fixOfGrant(description) : fixOfCredentialsGrant(description);
    default:
      return "login_url must be the org's My Domain address, https://<your domain>.my.salesforce.com; the app must be an External Client App with the flow switched on";
  }
}

function fixOfGrant(description: string): string {
  if (/audience/i.test(description)) return "Set audience: https://login.salesforce.com, or https://test.salesforce.com for a sandbox org";
  if (/approved|consumer/i.test(description)) {
    return `Approve the integration user for the app beforehand: ${APP} → Policies → Permitted Users: Admin approved users are pre-authorized, then add its permission set`;
  }
  if (/expired/i.test(description)) return "The clock of this machine differs from Salesforce's: set it";
  if (/assertion/i.test(description)) {
    return `private_key does not belong to the certificate of the app (${APP} → Settings → OAuth Settings → JWT Bearer Flow), or this machine's clock is wrong`;
  }
  return "Look at username (the integration user's, active, in this org), private_key, and Setup → Login History of that user";
}

function fixOfCredentialsGrant(description: string): string {
  if (/domain/i.test(description)) return "Set login_url to the org's My Domain address: https://<your domain>.my.salesforce.com";
  return `Switch on the client credentials flow and give it a Run As user: ${APP} → Policies → OAuth Flows and External Client App Enhancements`;
}
