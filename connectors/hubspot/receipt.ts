import { leftOut, type Person, type Receipt, sideOf } from "../../src/connector/index.ts";
import { KINDS, type Trip } from "./item.ts";
import { partsWritten } from "./notes.ts";
import type { Contact } from "./people/find.ts";
import type { Owners } from "./people/owners.ts";
import type { Links } from "./record-links.ts";

/** A receipt that names the owner is not worth an attempt that ends without an answer. */
const OWNER_WITHIN_MS = 2_000;

/** Who each call is on, as other destinations name and link her; asked for while the calls are written, and never for long. */
export async function namePeople(options: { trips: Trip[]; links: Links; owners: Owners; signal: AbortSignal }): Promise<void> {
  const { trips, links, owners } = options;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(OWNER_WITHIN_MS)]);
  await Promise.all(
    trips.map(async (trip) => {
      const [first] = trip.contacts;
      const known = trip.delivery.previous?.person;
      if (first) trip.person = first.id === known?.id ? known : await personOf(first, { links, owners, signal });
      else delete trip.person;
    }),
  );
}

/** A contact as other destinations name and link it. */
export async function personOf(contact: Contact, options: { links: Links; owners: Owners; signal: AbortSignal }): Promise<Person> {
  const { links, owners, signal } = options;
  const { id, name, owner: ownerId } = contact;
  const owner = ownerId ? await owners.emailOf(ownerId, { signal }) : undefined;
  const url = links.contact(id);
  return { id, kind: "contact", ...(name === undefined ? {} : { name }), ...(owner === undefined ? {} : { owner }), ...(url && { url }) };
}

/** Which records the call was put on, and which notes it has, is kept: what once succeeded is not written again. */
export function receiptOf(trip: Trip, options: { links: Links }): Receipt {
  const { callId: id = "", person, found, targets, contactRefused, ownerWritten } = trip;
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
      ...(ownerWritten ? { owner: ownerWritten } : {}),
      ...(contactRefused === undefined ? {} : { contact_refused: contactRefused }),
      ...leftOut(trip.leftOut),
      ...sideOf(trip.delivery.call),
    },
  };
}
