import type { Delivery, Outcome, People } from "../../src/connector/index.ts";
import { findTargets } from "./associations/targets.ts";
import type { WriteAssociations } from "./associations/write.ts";
import type { HubSpotApi } from "./client.ts";
import type { Dispositions } from "./dispositions.ts";
import { type CallItem, pending, startItem } from "./item.ts";
import type { HubSpotWith } from "./mapping.ts";
import { keepEarlierNotes } from "./notes.ts";
import type { CompaniesAndDeals } from "./people/companies-deals.ts";
import type { Contact } from "./people/find.ts";
import { matchContacts } from "./people/match.ts";
import { findOwners, type Owners } from "./people/owners.ts";
import { namePeople, receiptOf } from "./receipt.ts";
import { composeRecord } from "./record.ts";
import type { RecordLinks } from "./record-links.ts";

/** Searches may use this share of an attempt's time: calls whose number cannot be searched for by then come later, and the others are written. */
const SEARCH_SHARE = 1 / 3;

/** owners → contacts → companies and deals → records → notes → calls → associations; one outcome per delivery, in order. */
export function createSend(options: {
  api: HubSpotApi;
  contacts: People<Contact>;
  owners: Owners;
  dispositions: Dispositions;
  companiesAndDeals: CompaniesAndDeals;
  links: RecordLinks;
  writeCalls(items: CallItem[], signal: AbortSignal): Promise<void>;
  writeAssociations: WriteAssociations;
  timeoutMs: number;
}) {
  const { api, contacts, owners, dispositions, companiesAndDeals, links, writeCalls, writeAssociations, timeoutMs } = options;

  return async function send(deliveries: Delivery<HubSpotWith>[], signal: AbortSignal): Promise<Outcome[]> {
    // HubSpot refuses a batch that has an id twice: the later one is the newer version.
    const items = new Map(deliveries.map((delivery) => [delivery.key, startItem(delivery)]));
    const searchUntilMs = performance.now() + timeoutMs * SEARCH_SHARE;
    await findOwners({ items: [...items.values()], owners, signal });
    const stale = await write(pending([...items.values()]), { searchUntilMs, isLast: false, signal });
    if (stale.length > 0) await write(stale, { searchUntilMs, isLast: true, signal });
    return deliveries.map(({ key }) => outcomeOf(items.get(key)));
  };

  /** Returns the items whose contact, company or deal did not exist any more when the call was put on it. */
  async function write(items: CallItem[], how: { searchUntilMs: number; isLast: boolean; signal: AbortSignal }): Promise<CallItem[]> {
    const { searchUntilMs, signal } = how;
    await matchContacts({ items, contacts, searchUntilMs, signal });
    await findTargets({ items: pending(items), companiesAndDeals, signal });
    await Promise.all(pending(items).map((item) => composeRecord(item, { dispositions, signal })));
    await keepEarlierNotes({ items: pending(items), api, signal });
    const named = namePeople({ items: pending(items), links, owners, signal });
    await writeCalls(pending(items), signal);
    const stale = await writeAssociations(pending(items), how);
    await named;
    return stale;
  }

  function outcomeOf(item: CallItem | undefined): Outcome {
    if (item?.outcome) return item.outcome;
    if (item?.callId !== undefined) return { kind: "delivered", receipt: receiptOf(item, { links }) };
    return { kind: "ambiguous", code: "not_sent", reason: "the call was not part of its batch" };
  }
}
