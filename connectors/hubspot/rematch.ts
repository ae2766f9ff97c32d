import { type Person, type Receipt, RematchError } from "../../src/connector.ts";
import { contactIdIn, type Links } from "./account.ts";
import { type AssociatedKind, associateCalls } from "./associate.ts";
import type { HubSpotApi } from "./client.ts";
import { type Contact, contactOf } from "./contacts.ts";
import { statusOf } from "./outcome.ts";
import type { Owners } from "./owners.ts";
import { personOf } from "./receipt.ts";
import type { RelatedRecords } from "./related.ts";
import { hubspotSends } from "./sends.ts";
import { idsWritten } from "./trip.ts";

const SENT = hubspotSends.flatMap(({ field }) => (/^[a-z_]+$/.test(field) && field !== "fields" ? [field] : []));

/** The call as HubSpot has it, with the contacts that it is on; undefined when it is not there. */
export async function readCall(options: {
  api: HubSpotApi;
  id: string;
  signal: AbortSignal;
}): Promise<Record<string, unknown> | undefined> {
  const { api, id, signal } = options;
  try {
    const { properties } = await api.ask(signal, (sdk) => sdk.call.getById(id, SENT));
    const known = Object.entries(properties).filter(([, value]) => value !== null && value !== "");
    return { ...Object.fromEntries(known), contacts: await contactsOfCall({ api, id, signal }) };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/**
 * Puts the call on the contact that somebody chose, and takes it off those that it was on. The company and deal that were found through the old
 * contact follow. The new contact comes first: what breaks in between leaves the call on both, never on nobody.
 * @throws {RematchError} there is no such contact, or no such call.
 */
export async function rematchCall(options: {
  api: HubSpotApi;
  receipt: Receipt;
  to: string;
  links: Links;
  owners: Owners;
  related: RelatedRecords;
  signal: AbortSignal;
}): Promise<Receipt> {
  const { api, receipt, to, links, owners, related, signal } = options;
  const contact = await chosenContact({ api, to, signal });
  const call = await readCall({ api, id: receipt.id, signal });
  if (!call) throw new RematchError("the call is not in HubSpot any more: somebody deleted it there");

  const ids = [contact.id];
  const moves: { kind: AssociatedKind; from: string[]; to: string[] }[] = [{ kind: "contacts", from: call.contacts as string[], to: ids }];
  for (const [kind, ask] of [["companies", related.companiesOf] as const, ["deals", related.openDealsOf] as const]) {
    const from = idsWritten(receipt, kind);
    if (from.length > 0) moves.push({ kind, from, to: [...(await ask(ids, { signal })).values()] });
  }
  for (const { kind, from, to } of moves) await move({ api, callId: receipt.id, kind, from, to, signal });

  const person = await personOf(contact, { links, owners, signal });
  await renameTitle({ api, callId: receipt.id, title: call.hs_call_title, from: receipt.person, to: person, signal });
  const { contact_id: _, contacts: __, companies: ___, deals: ____, ...kept } = receipt.extra ?? {};
  const written = moves.filter(({ to }) => to.length > 0).map(({ kind, to }) => [kind, to.join(" ")]);
  return { ...receipt, person, found: 1, extra: { ...kept, ...Object.fromEntries(written) } };
}

async function chosenContact(options: { api: HubSpotApi; to: string; signal: AbortSignal }): Promise<Contact> {
  const { api, to, signal } = options;
  const id = contactIdIn(to);
  if (id === undefined) throw new RematchError("that is no contact of HubSpot: give its record ID, or the address of its page");
  try {
    return contactOf(await api.ask(signal, (sdk) => sdk.contact.getById(id, ["firstname", "lastname", "hubspot_owner_id"])));
  } catch (error) {
    if (statusOf(error) === 404)
      throw new RematchError("HubSpot has no contact with this ID: it may have been deleted, or merged into another");
    throw error;
  }
}

async function contactsOfCall(options: { api: HubSpotApi; id: string; signal: AbortSignal }): Promise<string[]> {
  const { api, id, signal } = options;
  const { results } = await api.ask(signal, (sdk) => sdk.association.getPage("calls", id, "contacts", undefined, 500));
  return results.map(({ toObjectId }) => String(toObjectId));
}

async function move(options: {
  api: HubSpotApi;
  callId: string;
  kind: AssociatedKind;
  from: string[];
  to: string[];
  signal: AbortSignal;
}): Promise<void> {
  const { api, callId, kind, from, to, signal } = options;
  const associations = to.filter((id) => !from.includes(id)).map((toId) => ({ callId, toId }));
  const [failed] = (await associateCalls({ api, to: kind, associations, signal })).values();
  if (failed && "reason" in failed) throw new RematchError(failed.reason);
  for (const id of from.filter((one) => !to.includes(one))) {
    await api.ask(signal, (sdk) => sdk.association.archive("calls", callId, kind, id));
  }
}

/** A title that names the wrong person would stay in the way of the eye. */
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
  await api.ask(signal, (sdk) => sdk.call.update(callId, { properties: { hs_call_title: renamed } }));
}
