import { createPeople, type OpenDestination } from "../../src/connector/index.ts";
import { createAssociationWriter } from "./associations/write.ts";
import { CALL_ID_PROPERTY } from "./call-id.ts";
import { createCallWriter } from "./calls/write.ts";
import { connect } from "./client.ts";
import { createDispositions } from "./dispositions.ts";
import { withReadableErrors } from "./errors.ts";
import type { HubSpotWith } from "./mapping.ts";
import { createCompaniesAndDeals } from "./people/companies-deals.ts";
import { hubspotCrm } from "./people/match.ts";
import { createOwners } from "./people/owners.ts";
import { type CallIdKind, callIdKindOf } from "./property.ts";
import { readRecordLinks } from "./record-links.ts";
import { readCallBack, rematchCall } from "./rematch.ts";
import { archiveCall } from "./requests.ts";
import { createSend } from "./send.ts";
import type { HubSpotSettings } from "./settings.ts";
import { statusOf } from "./vendor-error.ts";

/** A request waits for its turn at most for this share of an attempt's time. */
const RATE_LIMIT_SHARE = 1 / 3;
/** Links are worth no more of the opening's time. */
const LINKS_SHARE = 1 / 3;

const ABOUT: Record<CallIdKind, string> = {
  unique: `HubSpot itself keeps one call for each ${CALL_ID_PROPERTY} (unique values)`,
  plain: `this account has no unique values for ${CALL_ID_PROPERTY}: Patchbay looks a call up before it writes it`,
};

/** @throws {OpenError} HubSpot refuses the token, or the account is not set up; or a network error. */
export async function openHubSpot(options: { settings: HubSpotSettings; timeoutMs: number }): Promise<OpenDestination<HubSpotWith>> {
  const { settings, timeoutMs } = options;
  const api = connect({ settings, maxWaitMs: timeoutMs * RATE_LIMIT_SHARE });
  const kind = await callIdKindOf({ api, signal: AbortSignal.timeout(timeoutMs) });
  const links = await readRecordLinks({ api, signal: AbortSignal.timeout(Math.ceil(timeoutMs * LINKS_SHARE)) });
  const account = links.accountId === undefined ? undefined : `${settings.base_url ?? ""} ${links.accountId}`;
  const contacts = createPeople(hubspotCrm({ api }));
  const owners = createOwners({ api });
  const dispositions = createDispositions({ api });
  const companiesAndDeals = createCompaniesAndDeals({ api });
  const writeCalls = createCallWriter({ api, kind, account, dispositions, owners });
  const writeAssociations = createAssociationWriter({ api, contacts, companiesAndDeals });
  const send = createSend({ api, contacts, owners, dispositions, companiesAndDeals, links, writeCalls, writeAssociations, timeoutMs });
  const underWay = new Set<Promise<unknown>>();

  return {
    about: ABOUT[kind],
    async send(deliveries, { signal }) {
      const sending = send(deliveries, signal);
      underWay.add(sending);
      return sending.finally(() => underWay.delete(sending));
    },
    /** HubSpot moves the call to its recycle bin for 90 days (knowledge.hubspot.com/records/restore-deleted-records). */
    async erase({ receipt }, { signal }) {
      return withReadableErrors(async () => {
        try {
          await api.ask(signal, archiveCall(receipt.id));
          return true;
        } catch (error) {
          if (statusOf(error) === 404) return false;
          throw error;
        }
      });
    },
    read: ({ receipt }, { signal }) => withReadableErrors(() => readCallBack({ api, id: receipt.id, signal })),
    rematch: ({ receipt, to }, { signal }) =>
      withReadableErrors(() => rematchCall({ api, receipt, to, links, owners, companiesAndDeals, signal })),
    /** One refused call closes a destination while others still send through it: they end first, then requests that outlive their attempt. */
    async close() {
      const late = new Promise((resolve) => setTimeout(resolve, timeoutMs).unref());
      await Promise.race([Promise.allSettled(underWay), late]);
      api.close();
    },
  };
}
