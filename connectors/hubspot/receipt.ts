import type { Person, Receipt } from "../../src/connector.ts";
import type { Links } from "./account.ts";
import type { Contact } from "./contacts.ts";
import { partsWritten } from "./notes.ts";
import type { Owners } from "./owners.ts";
import { KINDS, type Trip } from "./trip.ts";

/** A contact as other destinations name and link it. */
export async function personOf(contact: Contact, options: { links: Links; owners: Owners; signal: AbortSignal }): Promise<Person> {
  const { links, owners, signal } = options;
  const { id, name, owner: ownerId } = contact;
  const owner = ownerId ? await owners.emailOf(ownerId, { signal }) : undefined;
  const url = links.contact(id);
  return { id, kind: "contact", ...(name === undefined ? {} : { name }), ...(owner === undefined ? {} : { owner }), ...(url && { url }) };
}

/** Which records the call was put on, and which notes it has, is kept: what once succeeded is not written again. */
export async function receiptOf(trip: Trip, options: { links: Links; owners: Owners; signal: AbortSignal }): Promise<Receipt> {
  const { callId: id = "", contacts, found, targets, delivery, leftOut } = trip;
  const [first] = contacts;
  const known = delivery.previous?.person;
  const person = first && (first.id === known?.id ? known : await personOf(first, options));
  const url = options.links.call(id);
  const notes = partsWritten(trip).join(" ");
  return {
    id,
    ...(url && { url }),
    ...(person && { person }),
    ...(found === undefined ? {} : { found }),
    extra: {
      ...Object.fromEntries(KINDS.filter((kind) => targets[kind].length > 0).map((kind) => [kind, targets[kind].join(" ")])),
      ...(notes === "" ? {} : { notes }),
      ...(leftOut === undefined ? {} : { left_out: leftOut }),
    },
  };
}
