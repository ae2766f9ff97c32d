import {
  checkLiteralHost,
  createGuardedHttp,
  type Delivery,
  discard,
  namingHost,
  type OpenDestination,
  OpenError,
  type Outcome,
  RefusedAddressError,
  type ResolveName,
} from "../../src/connector/index.ts";
import { failureOf, outcomeOfError, refusedAddress } from "./errors.ts";
import type { WebhookWith } from "./mapping.ts";
import { messageOf } from "./message.ts";
import { secretsOf, type WebhookSettings } from "./settings.ts";
import { signatureHeaders } from "./sign.ts";

/**
 * Opening sends no request: a receiver has none without a call. `resolve` is for tests.
 * @throws {OpenError} when the URL's host is an address that is never asked.
 */
export async function openWebhook(options: { settings: WebhookSettings; resolve?: ResolveName }): Promise<OpenDestination<WebhookWith>> {
  const { settings, resolve } = options;
  const { payload, allow_private: allowPrivate, allow_http: allowHttp } = settings;
  const url = new URL(settings.url.reveal());
  try {
    checkLiteralHost(url, { allowPrivate });
  } catch (error) {
    throw error instanceof RefusedAddressError ? new OpenError(refusedAddress(error)) : error;
  }
  const http = createGuardedHttp({ allowPrivate, allowHttp, ...(resolve ? { resolve } : {}) });
  const secrets = secretsOf(settings);
  const fixedHeaders = {
    "user-agent": "Patchbay",
    ...Object.fromEntries(Object.entries(settings.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value.reveal()])),
    "content-type": "application/json",
  };

  async function sendOne(delivery: Delivery<WebhookWith>, signal: AbortSignal): Promise<Outcome> {
    const { id, body, receipt } = messageOf(delivery, { payload });
    const headers = { ...fixedHeaders, ...signatureHeaders({ id, atMs: Date.now(), body, secrets }) };
    try {
      const answer = await namingHost(url, () => http.request({ url, method: "POST", headers, body, signal }));
      discard(answer);
      return failureOf(answer) ?? { kind: "delivered", receipt };
    } catch (error) {
      return outcomeOfError(error);
    }
  }

  return {
    send: (deliveries, { signal }) => Promise.all(deliveries.map((delivery) => sendOne(delivery, signal))),
    close: async () => http.close(),
  };
}
