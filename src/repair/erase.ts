/** Deletes at destinations what deliveries left there, each destination opened once. */
import type { OpenDestination, Receipt } from "../connector.ts";
import { deliveryKey } from "../delivery/key.ts";
import type { DeliveryRow } from "../ledger/ledger.ts";
import type { Destination, Route } from "../route.ts";

/** What a delivery has left at a destination. */
export interface Left {
  route: string;
  destination: string;
  receipt: Receipt;
  key: string;
  /** Undefined: its route is not in the file, so that nobody knows how to reach it. */
  to: Destination | undefined;
}

export interface Erased {
  destination: string;
  id: string;
  url?: string | undefined;
  erased: boolean;
  /** Why not; "" where it was. */
  why: string;
}

/** A destination may write its file from new: this long at most. */
const AFTER_ERASE_MS = 10 * 60_000;

export function leftAt(rows: DeliveryRow[], routes: readonly Route[]): Left[] {
  return rows.flatMap(({ route: id, source, callId, receipt }) => {
    if (!receipt) return [];
    const route = routes.find((one) => one.id === id);
    const key = route === undefined ? "" : deliveryKey(route, { source, call_id: callId });
    return [{ route: id, destination: route?.to.name ?? "(a route that is not in the file)", receipt, key, to: route?.to }];
  });
}

/** `stays`: what a destination keeps of what was deleted there. */
export async function eraseAt(left: Left[], timezone: string): Promise<{ erased: Erased[]; stays: string[] }> {
  const erased: Erased[] = [];
  const stays: string[] = [];
  for (const [to, those] of Map.groupBy(left, (one) => one.to)) {
    const open = await opened(to, timezone);
    for (const one of those) erased.push(await eraseOne(one, open));
    if (!to || "why" in open) continue;
    const stayed = await afterErase(to, open);
    if (stayed !== undefined) stays.push(`${to.name}: ${stayed}`);
    await open.close();
  }
  return { erased, stays };
}

async function opened(to: Destination | undefined, timezone: string): Promise<OpenDestination<unknown> | { why: string }> {
  if (!to) return { why: "its route is not in the file" };
  try {
    return await to.connector.open({ settings: to.settings(), timezone, timeoutMs: to.timeoutMs });
  } catch (error) {
    return { why: messageOf(error) };
  }
}

async function eraseOne({ destination, receipt, key, to }: Left, open: OpenDestination<unknown> | { why: string }): Promise<Erased> {
  const what = { destination, id: receipt.id, url: receipt.url };
  if (!to || "why" in open) return { ...what, erased: false, why: "why" in open ? open.why : "" };
  if (!open.erase) return { ...what, erased: false, why: `${to.connector.title} cannot delete from here` };
  try {
    await open.erase({ key, receipt }, { signal: AbortSignal.timeout(to.timeoutMs) });
    return { ...what, erased: true, why: "" };
  } catch (error) {
    return { ...what, erased: false, why: messageOf(error) };
  }
}

async function afterErase(to: Destination, open: OpenDestination<unknown>): Promise<string | undefined> {
  try {
    return await open.afterErase?.({ signal: AbortSignal.timeout(AFTER_ERASE_MS) });
  } catch (error) {
    return `what ${to.connector.title} keeps of what was deleted is not known: ${messageOf(error)}`;
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : "unknown");
