import { chunk } from "../../../src/connector/index.ts";
import type { LinkedRecords } from "../answers.ts";
import type { HubSpotApi } from "../client.ts";
import { type AssociatedKind, MAX_BATCH, readAssociations } from "../requests.ts";

/** A record that another one is associated with. */
export interface Linked {
  id: string;
  /** HubSpot's types of the association. */
  typeIds: number[];
}

/** More pages than any record has: it ends a list that names a next page for ever. */
const MAX_PAGES = 100;

/** What each of these records is associated with, all pages of it. Records without any are absent. @throws as `api.ask` */
export async function linkedTo(options: {
  api: HubSpotApi;
  from: "calls" | "contacts";
  to: AssociatedKind;
  ids: readonly string[];
  signal: AbortSignal;
}): Promise<Map<string, Linked[]>> {
  const { api, from, to, ids, signal } = options;
  const linked = new Map<string, Linked[]>();
  for (const part of chunk(ids, MAX_BATCH)) {
    let inputs: { id: string; after?: string }[] = part.map((id) => ({ id }));
    for (let page = 0; inputs.length > 0 && page < MAX_PAGES; page += 1) {
      const answer = await api.ask(signal, readAssociations(from, to, inputs));
      for (const one of answer.results) linked.set(one.from.id, [...(linked.get(one.from.id) ?? []), ...linksOf(one)]);
      inputs = answer.results.flatMap(({ from, paging }) => (paging?.next ? [{ id: from.id, after: paging.next.after }] : []));
    }
  }
  return linked;
}

function linksOf({ to }: LinkedRecords["results"][number]): Linked[] {
  return to.map(({ toObjectId, associationTypes }) => ({ id: toObjectId, typeIds: associationTypes.map(({ typeId }) => typeId) }));
}
