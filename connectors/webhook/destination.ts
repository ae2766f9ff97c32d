import {
  checkLiteralHost,
  createGuardedHttp,
  type Delivery,
  discard,
  type OpenDestination,
  OpenError,
  type Outcome,
  RefusedAddressError,
  type ResolveName,
  type Secret,
} from "../../src/connector/index.ts";
import type { Payload, WebhookWith } from "./data.ts";
import { messageOf } from "./message.ts";
import { outcomeOfAnswer, outcomeOfFailure, refused } from "./outcome.ts";
import { signatureHeaders } from "./sign.ts";

export interface WebhookSettings {
  url: Secret;
  secrets: Secret[];
  payload: Payload;
  headers?: Record<string, Secret> | undefined;
  allow_private: boolean;
  allow_http: boolean;
}

/**
 * Nothing is asked of the receiver here: it has no request without a call. `resolve` is for tests.
 * @throws {OpenError} when the URL's host is an address that may not be asked.
 */
export async function openWebhook(settings: WebhookSettings & { resolve?: ResolveName }): Promise<OpenDestination<WebhookWith>> {
  const { secrets, payload, allow_private: allowPrivate, allow_http: allowHttp, resolve } = settings;
  const url = new URL(settings.url.reveal());
  try {
    checkLiteralHost(url, { allowPrivate });
  } catch (error) {
    if (error instanceof RefusedAddressError) throw new OpenError(refused(error));
    throw error;
  }
  const http = createGuardedHttp({ allowPrivate, allowHttp, ...(resolve ? { resolve } : {}) });
  const fixed = {
    ...Object.fromEntries(Object.entries(settings.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value.reveal()])),
    "content-type": "application/json",
  };

  async function sendOne(delivery: Delivery<WebhookWith>, signal: AbortSignal): Promise<Outcome> {
    const { id, body, receipt } = messageOf(delivery, { payload });
    const headers = { "user-agent": "Patchbay", ...fixed, ...signatureHeaders({ id, atMs: Date.now(), body, secrets }) };
    try {
      const answer = await http.request({ url, method: "POST", headers, body, signal });
      discard(answer);
      return outcomeOfAnswer(answer, { receipt });
    } catch (error) {
      return outcomeOfFailure(error);
    }
  }

  return {
    send: (deliveries, { signal }) => Promise.all(deliveries.map((delivery) => sendOne(delivery, signal))),
    close: async () => http.close(),
  };
}
