import { z } from "zod";
import { allParts, defineExtra, leftOut, type NoteParts, type Person, type Receipt, sideOf, words } from "../../src/connector/index.ts";
import type { BodyPart } from "./body.ts";
import type { CallItem } from "./item.ts";
import type { Contact } from "./people/find.ts";
import type { Owners } from "./people/owners.ts";
import type { RecordLinks } from "./record-links.ts";
import type { AssociatedKind } from "./requests.ts";

/** Which records the call was put on, and which parts its notes have: what once succeeded is not written again. */
export const extra = defineExtra({
  contacts: words(),
  companies: words(),
  deals: words(),
  notes: words<BodyPart>(),
  owner: z.string(),
  contact_refused: z.string(),
  left_out: z.string(),
  side: z.string(),
  /** Of older releases, in place of `contacts`. */
  contact_id: words(),
});

/** Ids of the records that an earlier version of the call was put on. */
export function idsWritten(receipt: Receipt | undefined, kind: AssociatedKind): string[] {
  const { [kind]: ids, contact_id } = extra.read(receipt);
  return ids ?? (kind === "contacts" ? contact_id : undefined) ?? [];
}

/** The parts of the notes that we compose; a route's own notes have none. */
export function partsOf({ delivery, body }: CallItem): NoteParts {
  return { earlier: extra.read(delivery.previous).notes ?? [], own: body?.parts ?? [] };
}

/** The owner's address in a receipt is not worth an attempt that ends without an answer. */
const OWNER_WITHIN_MS = 2_000;

/** Sets the person that each call is on, as other destinations name and link it. It runs beside the write, and never for long. */
export async function namePeople(options: { items: CallItem[]; links: RecordLinks; owners: Owners; signal: AbortSignal }): Promise<void> {
  const { items, links, owners } = options;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(OWNER_WITHIN_MS)]);
  await Promise.all(
    items.map(async (item) => {
      const [first] = item.contacts;
      const known = item.delivery.previous?.person;
      if (first) item.person = first.id === known?.id ? known : await personOf(first, { links, owners, signal });
      else delete item.person;
    }),
  );
}

/** A contact as other destinations name and link it. */
export async function personOf(contact: Contact, options: { links: RecordLinks; owners: Owners; signal: AbortSignal }): Promise<Person> {
  const { links, owners, signal } = options;
  const { id, name, owner: ownerId } = contact;
  const owner = ownerId ? await owners.emailOf(ownerId, { signal }) : undefined;
  const url = links.contact(id);
  return { id, kind: "contact", ...(name === undefined ? {} : { name }), ...(owner === undefined ? {} : { owner }), ...(url && { url }) };
}

export function receiptOf(item: CallItem, options: { links: RecordLinks }): Receipt {
  const { callId: id = "", person, found, targets, contactRefused, ownerWritten, delivery } = item;
  const url = options.links.call(id);
  return {
    id,
    ...(url && { url }),
    ...(person && { person }),
    ...(found === undefined ? {} : { found }),
    ...extra.write({
      ...targets,
      notes: allParts(partsOf(item)) as BodyPart[],
      owner: ownerWritten,
      contact_refused: contactRefused,
      ...leftOut(item.leftOut),
      ...sideOf(delivery.call),
    }),
  };
}
