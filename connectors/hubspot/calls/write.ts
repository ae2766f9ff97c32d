import { CALL_ID_PROPERTY } from "../call-id.ts";
import type { HubSpotApi } from "../client.ts";
import type { Dispositions } from "../dispositions.ts";
import { type CallItem, isRecreated } from "../item.ts";
import { type Owners, ownerOf } from "../people/owners.ts";
import type { CallIdKind } from "../property.ts";
import { extra } from "../receipt.ts";
import { upsertCalls } from "../requests.ts";
import { OWNER_PROPERTY } from "./drop-refused-fields.ts";
import { type CallToWrite, type WriteCalls, writeInBatches } from "./write-in-batches.ts";
import { createPlainCalls } from "./write-plain.ts";

/** Writes the composed records and sets each item's call id, or its outcome. */
export function createCallWriter(options: {
  api: HubSpotApi;
  kind: CallIdKind;
  /** Tells the accounts of this process apart; undefined where it is not known. */
  account: string | undefined;
  dispositions: Dispositions;
  owners: Owners;
}) {
  const { api, kind, account, dispositions, owners } = options;
  const upsert: WriteCalls = (calls, signal) => {
    const inputs = (batch: CallToWrite[]) => batch.map(({ key, properties }) => ({ id: key, properties }));
    return writeInBatches({ calls, write: (batch) => api.ask(signal, upsertCalls(CALL_ID_PROPERTY, inputs(batch))), dispositions, signal });
  };
  const write = kind === "plain" ? createPlainCalls({ api, account, dispositions }) : upsert;

  return async function writeCalls(items: CallItem[], signal: AbortSignal): Promise<void> {
    const calls = items.map((item) => ({ key: item.delivery.key, properties: { ...item.properties }, item }));
    const written = await write(calls, signal);
    for (const { key, properties, item } of calls) {
      const one = written.get(key);
      if (one && "id" in one) {
        item.callId = one.id;
        item.leftOut.push(...(one.leftOut ?? []));
        const before = isRecreated(item) ? undefined : extra.read(item.delivery.previous).owner;
        item.ownerWritten = properties[OWNER_PROPERTY] ?? before;
      } else if (one) item.outcome = one.outcome;
      const owner = ownerOf(item);
      if (owner && isWithoutOwner(item)) owners.forget(owner);
    }
    await giveOwners(items, signal);
  };

  /** The update left the owner out, since the earlier record had one; that this record was deleted is known only now. */
  async function giveOwners(items: CallItem[], signal: AbortSignal): Promise<void> {
    const ownerless = items.flatMap((item) => {
      const isOwnerless = isRecreated(item) && !item.ownerWritten && !isWithoutOwner(item);
      return isOwnerless && item.ownerId ? [{ key: item.delivery.key, properties: { [OWNER_PROPERTY]: item.ownerId }, item }] : [];
    });
    if (ownerless.length === 0) return;
    const owned = await write(ownerless, signal);
    for (const { key, item } of ownerless) {
      const one = owned.get(key);
      // Without it the next version tries again.
      if (one && "id" in one && !one.leftOut) item.ownerWritten = item.ownerId;
    }
  }
}

function isWithoutOwner({ leftOut }: CallItem): boolean {
  return leftOut.some(({ field }) => field === OWNER_PROPERTY);
}
