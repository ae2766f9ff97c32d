import { Connection } from "jsforce/lib/connection.js";
import type { Usage } from "./limit-header.ts";
import { logIn } from "./login.ts";
import type { SalesforceSettings } from "./settings.ts";
import { createTransport, type Exchange } from "./transport.ts";
import { readVendorErrors, SalesforceError } from "./vendor-error.ts";

export interface ApiRequest {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below `/services/data/v65.0`. */
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** A connection that is logged in, and stays so. */
export interface Session {
  /**
   * The parsed answer; its shape is the caller's to check.
   * @throws {SalesforceError} refused; {OpenError} the login failed on the way; or an error of the network.
   */
  request(request: ApiRequest, options: { signal: AbortSignal }): Promise<unknown>;
  /** The org's own address, for links that people open. */
  readonly instanceUrl: string;
  /** The integration user's record. */
  readonly userId: string | undefined;
  /** How much of its daily limit the org has used, and when Salesforce said so; undefined: it never did. */
  readonly usage: (Usage & { atMs: number }) | undefined;
}

/** @throws {OpenError} */
export async function openSession(options: { settings: SalesforceSettings; timeoutMs: number; signal: AbortSignal }): Promise<Session> {
  const { settings, timeoutMs, signal } = options;
  const first = await logIn({ settings, signal });
  let { instanceUrl } = first;
  let usage: Session["usage"];
  let renewing: Promise<void> | undefined;
  // Without `oauth2` and `refreshFn`: with them jsforce renews the session itself, again and again as long as 401 comes.
  const connection = new Connection({
    instanceUrl: settings.base_url?.replace(/\/+$/, "") ?? instanceUrl,
    accessToken: first.accessToken,
    version: settings.api_version,
  });

  /** Once for all requests that found the same token expired. */
  async function renew(expired: string | undefined): Promise<void> {
    if (connection.accessToken !== expired) return;
    renewing ??= logIn({ settings, signal: AbortSignal.timeout(timeoutMs) })
      .then((token) => {
        instanceUrl = token.instanceUrl;
        connection.accessToken = token.accessToken;
        if (settings.base_url === undefined) connection.instanceUrl = token.instanceUrl;
      })
      .finally(() => {
        renewing = undefined;
      });
    await renewing;
  }

  async function requestOnce(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    const exchange: Exchange = { signal };
    try {
      return await exchanged(connection, request, exchange);
    } finally {
      if (exchange.usage) usage = { ...exchange.usage, atMs: performance.now() };
    }
  }

  return {
    async request(request, { signal }) {
      const token = connection.accessToken ?? undefined;
      try {
        return await requestOnce(request, signal);
      } catch (error) {
        if (!(error instanceof SalesforceError) || !mayBeOver(error)) throw error;
        const before = connection.instanceUrl;
        await renew(token);
        signal.throwIfAborted();
        if (error.status !== 401 && connection.instanceUrl === before) throw error;
        // A second 401 is not about the token's age.
        return await requestOnce(request, signal);
      }
    },
    get instanceUrl() {
      return instanceUrl;
    },
    userId: first.userId,
    get usage() {
      return usage;
    },
  };
}

async function exchanged(connection: Connection, request: ApiRequest, exchange: Exchange): Promise<unknown> {
  const { method, path, body, headers = {} } = request;
  try {
    return await connection.request(
      {
        method,
        url: path,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { ...headers, "content-type": "application/json" } }),
      },
      { transport: createTransport(exchange) },
    );
  } catch (error) {
    const { status, retryAfterMs } = exchange;
    if (error instanceof SalesforceError || status === undefined || !isHttpApiError(error)) throw error;
    // Several records with one external id: HTTP 300, and jsforce's own code for it.
    const errors = status === 300 ? [{ code: "MULTIPLE_CHOICES" }] : readVendorErrors(error.data);
    throw new SalesforceError({ status, errors, retryAfterMs });
  }
}

/** The token has expired, or the org has moved (a migration, a new My Domain): a login says where. Redirects are never followed. */
function mayBeOver({ status = 0, code }: SalesforceError): boolean {
  return status === 401 || status === 420 || (status > 300 && status < 400) || code === "ORG_NOT_OWNED_BY_INSTANCE";
}

/** jsforce does not export its class. `errorCode` is `ERROR_HTTP_502` when the body was no error of Salesforce's. */
function isHttpApiError(error: unknown): error is Error & { errorCode: string; data: unknown } {
  return error instanceof Error && "errorCode" in error && "data" in error;
}
