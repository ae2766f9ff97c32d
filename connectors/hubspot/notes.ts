import { keepNotes } from "../../src/connector/index.ts";
import { beginsWith, bodyAbove } from "./body.ts";
import type { HubSpotApi } from "./client.ts";
import { outcomeOfReadError } from "./errors.ts";
import type { CallItem } from "./item.ts";
import { partsOf } from "./receipt.ts";
import { readRecords } from "./requests.ts";

/** Keeps what an earlier version of the call wrote into the notes and this one lacks. */
export async function keepEarlierNotes(options: { items: CallItem[]; api: HubSpotApi; signal: AbortSignal }): Promise<void> {
  const { items, api, signal } = options;
  await keepNotes({
    items: items.filter(({ body }) => body !== undefined),
    partsOf,
    leave: ({ properties }) => delete properties.hs_call_body,
    async read(merging) {
      const ids = merging.map(({ delivery }) => delivery.previous?.id ?? "");
      const { results } = await api.ask(signal, readRecords("calls", ids, ["hs_call_body"]));
      const notes = new Map(results.map(({ id, properties }) => [id, properties.hs_call_body ?? ""]));
      return new Map(merging.map((item, index) => [item, notes.get(ids[index] ?? "") ?? ""]));
    },
    putAbove({ properties, body }, existing) {
      const own = body?.html ?? "";
      if (beginsWith(existing, own)) delete properties.hs_call_body;
      else properties.hs_call_body = bodyAbove(own, existing);
    },
    failed(item, error) {
      item.outcome = outcomeOfReadError(error);
    },
  });
}
