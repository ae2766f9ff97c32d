import type { HubSpotApi } from "./client.ts";
import { readAccount } from "./requests.ts";

/** Addresses of records in HubSpot's own pages; undefined when it is not known which account it is. */
export interface RecordLinks {
  /** The account's number. */
  accountId: string | undefined;
  call(id: string): string | undefined;
  contact(id: string): string | undefined;
}

/** HubSpot's numbers for kinds of records (guide "Understanding the CRM"). */
const TYPE = { call: "0-48", contact: "0-1" };

/**
 * Reads once which account the token is for. `uiDomain` is `app.hubspot.com`, in the EU `app-eu1.hubspot.com` (account information API; any token
 * may ask). Without an answer receipts have no links.
 */
export async function readRecordLinks(options: { api: HubSpotApi; signal: AbortSignal }): Promise<RecordLinks> {
  const { api, signal } = options;
  let base: string | undefined;
  let accountId: string | undefined;
  try {
    const { portalId, uiDomain = "" } = await api.ask(signal, readAccount());
    const domain = /^[a-z0-9-]+\.hubspot\.com$/.test(uiDomain) ? uiDomain : "app.hubspot.com";
    accountId = String(portalId);
    base = `https://${domain}/contacts/${portalId}/record`;
  } catch {
    base = undefined;
  }
  const linkTo = (type: string) => (id: string) => (base === undefined ? undefined : `${base}/${type}/${id}`);
  return { accountId, call: linkTo(TYPE.call), contact: linkTo(TYPE.contact) };
}

/** A contact's id, from itself or from the address of its page in HubSpot: `…/record/0-1/201`, of old `…/contact/201`. */
export function contactIdIn(text: string): string | undefined {
  const written = text.trim();
  if (/^\d{1,20}$/.test(written)) return written;
  const url = URL.parse(written);
  if (!url || !/(^|\.)hubspot\.com$/.test(url.hostname)) return undefined;
  return /\/(?:record\/0-1|contact)\/(\d{1,20})(?:\/|$)/.exec(url.pathname)?.[1];
}
