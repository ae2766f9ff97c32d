import { type Person, type Receipt, RematchError } from "../../src/connector/index.ts";
import { associateCalls } from "./associations/associate.ts";
import { linkedTo } from "./associations/read.ts";
import type { HubSpotApi } from "./client.ts";
import { sentFields } from "./mapping.ts";
import type { CompaniesAndDeals } from "./people/companies-deals.ts";
import { type Contact, contactOf } from "./people/find.ts";
import type { Owners } from "./people/owners.ts";
import { idsWritten, personOf } from "./receipt.ts";
import { contactIdIn, type RecordLinks } from "./record-links.ts";
import { type AssociatedKind, readCall, readContact, removeAssociations, updateCall } from "./requests.ts";
import { statusOf } from "./vendor-error.ts";

const SENT = sentFields.flatMap(({ field }) => (/^[a-z_]+$/.test(field) && field !== "fields" ? [field] : []));

/** The call as HubSpot has it, with the contacts that it is on; undefined when it does not exist. */
export async function readCallBack(options: {
  api: HubSpotApi;
  id: string;
  signal: AbortSignal;
}): Promise<Record<string, unknown> | undefined> {
  const { api, id, signal } = options;
  try {
    const { properties } = await api.ask(signal, readCall(id, SENT));
    const known = Object.entries(properties).filter(([, value]) => (value ?? "") !== "");
    return { ...Object.fromEntries(known), contacts: await contactsOfCall({ api, id, signal }) };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/**
 * Puts the call on the contact that somebody chose, and takes it off those that it was on. The company and deal that were found through the old
 * contact follow. The new contact comes first: a failure in between leaves the call on both, never on nobody.
 * @throws {RematchError} there is no such contact, or no such call.
 */
export async function rematchCall(options: {
  api: HubSpotApi;
  receipt: Receipt;
  to: string;
  links: RecordLinks;
  owners: Owners;
  companiesAndDeals: CompaniesAndDeals;
  signal: AbortSignal;
}): Promise<Receipt> {
  const { api, receipt, to, links, owners, companiesAndDeals, signal } = options;
  const contact = await chosenContact({ api, to, signal });
  const call = await readCallBack({ api, id: receipt.id, signal });
  if (!call) throw new RematchError("the call is not in HubSpot any more: somebody deleted it there");

  const ids = [contact.id];
  // The remembered ones may be ten minutes old.
  companiesAndDeals.forget(ids);
  const moves: { kind: AssociatedKind; from: string[]; to: string[] }[] = [{ kind: "contacts", from: call.contacts as string[], to: ids }];
  for (const [kind, ask] of [["companies", companiesAndDeals.companiesOf] as const, ["deals", companiesAndDeals.openDealsOf] as const]) {
    const from = idsWritten(receipt, kind);
    if (from.length > 0) moves.push({ kind, from, to: [...(await ask(ids, { signal })).values()] });
  }
  const written: [string, string][] = [];
  for (const { kind, from, to } of moves) {
    const on = await move({ api, callId: receipt.id, kind, from, to, signal });
    if (on.length > 0) written.push([kind, on.join(" ")]);
  }

  const person = await personOf(contact, { links, owners, signal });
  await renameTitle({ api, callId: receipt.id, title: call.hs_call_title, from: receipt.person, to: person, signal });
  const { contact_id: _, contacts: __, companies: ___, deals: ____, ...kept } = receipt.extra ?? {};
  return { ...receipt, person, found: 1, extra: { ...kept, ...Object.fromEntries(written) } };
}

async function chosenContact(options: { api: HubSpotApi; to: string; signal: AbortSignal }): Promise<Contact> {
  const { api, to, signal } = options;
  const id = contactIdIn(to);
  if (id === undefined) throw new RematchError("that is no contact of HubSpot: give its record ID, or the address of its page");
  try {
    return contactOf(await api.ask(signal, readContact(id, ["firstname", "lastname", "hubspot_owner_id"])));
  } catch (error) {
    if (statusOf(error) === 404)
      throw new RematchError("HubSpot has no contact with this ID: it may have been deleted, or merged into another");
    throw error;
  }
}

async function contactsOfCall(options: { api: HubSpotApi; id: string; signal: AbortSignal }): Promise<string[]> {
  const { api, id, signal } = options;
  const linked = await linkedTo({ api, from: "calls", to: "contacts", ids: [id], signal });
  return (linked.get(id) ?? []).map((one) => one.id);
}

/** Returns the ids of the records that it is on now. */
async function move(options: {
  api: HubSpotApi;
  callId: string;
  kind: AssociatedKind;
  from: string[];
  to: string[];
  signal: AbortSignal;
}): Promise<string[]> {
  const { api, callId, kind, from, to, signal } = options;
  const associations = to.filter((id) => !from.includes(id)).map((toId) => ({ callId, toId }));
  const failed = await associateCalls({ api, to: kind, associations, signal });
  const [first] = failed;
  // A company or deal that was deleted just now does not keep the call from its person.
  const isDetail = kind !== "contacts" && failed.every(({ isGone }) => isGone);
  if (first && !isDetail && "reason" in first.outcome) throw new RematchError(first.outcome.reason);
  const left = from.filter((one) => !to.includes(one));
  if (left.length > 0) await api.ask(signal, removeAssociations(callId, kind, left));
  return to.filter((id) => !failed.some(({ toId }) => toId === id));
}

/** Replaces the wrong person's name in the title. */
async function renameTitle(options: {
  api: HubSpotApi;
  callId: string;
  title: unknown;
  from: Person | undefined;
  to: Person;
  signal: AbortSignal;
}): Promise<void> {
  const { api, callId, title, from, to, signal } = options;
  if (typeof title !== "string" || !from?.name || !to.name || from.name === to.name || !title.includes(from.name)) return;
  const renamed = title.replace(from.name, () => to.name ?? "");
  await api.ask(signal, updateCall(callId, { hs_call_title: renamed }));
}
