/** Deletes at destinations what deliveries left there, each destination opened once. */
import { type OpenDestination, OpenError, type Receipt } from "../connector/index.ts";
import { idempotencyKey } from "../delivery/pipeline/idempotency-key.ts";
import { RoutesFileError, UsageError } from "../errors.ts";
import type { DeliveryRow } from "../ledger/views.ts";
import type { Clock } from "../lib/time/clock.ts";
import type { Destination, Route } from "../route.ts";

/** What a delivery has left at a destination. */
export interface Left {
  route: string;
  source: string;
  callId: string;
  destination: string;
  receipt: Receipt;
  key: string;
  /** Undefined: its route is not in the file, so its destination is unknown. */
  to: Destination | undefined;
}

export interface Erased {
  route: string;
  source: string;
  callId: string;
  destination: string;
  id: string;
  url?: string | undefined;
  erased: boolean;
  /** Why not; "" where it was. */
  why: string;
  /** A later forget may delete it: the destination was away, busy or refused us now. */
  later: boolean;
}

/** A rate limit, a file that another process has: deleting is harmless to repeat. */
const WAITS_MS = [250, 500, 1_000, 2_000, 4_000, 8_000];
/** Longest total wait at one destination, for all that is to be deleted there. */
const PATIENCE_MS = 40_000;
/** Longest time for a destination that rewrites its file. */
const AFTER_ERASE_MS = 10 * 60_000;

type Opened = { open: OpenDestination<unknown> } | { why: string; later: boolean };

export function leftAt(rows: DeliveryRow[], routes: readonly Route[]): Left[] {
  return rows.flatMap(({ route: id, source, callId, receipt }) => {
    if (!receipt) return [];
    const route = routes.find((one) => one.id === id);
    const key = route === undefined ? "" : idempotencyKey(route, { source, call_id: callId });
    const destination = route?.to.name ?? "(a route that is not in the file)";
    return [{ route: id, source, callId, destination, receipt, key, to: route?.to }];
  });
}

/** For a preview: whether each destination can delete, asked by opening it once. One that cannot be opened now is absent. */
export async function abilityToErase(options: { left: Left[]; timezone: string }): Promise<Map<Destination, boolean>> {
  const { left, timezone } = options;
  const able = new Map<Destination, boolean>();
  for (const to of new Set(left.flatMap((one) => one.to ?? []))) {
    try {
      const opened = await to.connector.open({ settings: to.settings(), timezone, timeoutMs: to.timeoutMs });
      able.set(to, opened.erase !== undefined);
      await opened.close();
    } catch {
      // Why it cannot be opened is said when it is to delete.
    }
  }
  return able;
}

/** `stays`: what a destination keeps of what was deleted there. */
export async function eraseAt(options: {
  left: Left[];
  timezone: string;
  clock: Pick<Clock, "sleep">;
}): Promise<{ erased: Erased[]; stays: string[] }> {
  const { left, timezone, clock } = options;
  const erased: Erased[] = [];
  const stays: string[] = [];
  for (const [to, those] of Map.groupBy(left, (one) => one.to)) {
    const patiently = patience(clock);
    const opened = await open(to, timezone, patiently);
    for (const one of those) erased.push({ ...nameOf(one), ...(await eraseOne(one, opened, patiently)) });
    if (!to || !("open" in opened)) continue;
    const stayed = await afterErase(to, opened.open);
    if (stayed !== undefined) stays.push(`${to.name}: ${stayed}`);
    await opened.open.close();
  }
  return { erased, stays };
}

type Patiently = <T>(run: () => Promise<T>) => Promise<T>;

function patience(clock: Pick<Clock, "sleep">): Patiently {
  let leftMs = PATIENCE_MS;
  return async (run) => {
    for (const waitMs of [...WAITS_MS, Number.POSITIVE_INFINITY]) {
      try {
        return await run();
      } catch (error) {
        if (isFinal(error) || waitMs > leftMs) throw error;
        leftMs -= waitMs;
        await clock.sleep(waitMs);
      }
    }
    throw new Error("the last wait is longer than any patience");
  };
}

/** A later try of this command would fail as well. */
function isFinal(error: unknown): boolean {
  if (error instanceof UsageError || error instanceof RoutesFileError) return true;
  return error instanceof OpenError && error.outcome.kind === "needs-fix";
}

async function open(to: Destination | undefined, timezone: string, patiently: Patiently): Promise<Opened> {
  if (!to) return { why: "its route is not in the file", later: false };
  const { connector, timeoutMs } = to;
  try {
    return { open: await patiently(() => connector.open({ settings: to.settings(), timezone, timeoutMs })) };
  } catch (error) {
    return { why: messageOf(error), later: true };
  }
}

async function eraseOne(
  { key, receipt, to }: Left,
  opened: Opened,
  patiently: Patiently,
): Promise<Pick<Erased, "erased" | "why" | "later">> {
  if (!("open" in opened)) return { erased: false, ...opened };
  if (!to || !opened.open.erase) return { erased: false, why: `${to?.connector.title} cannot delete from here`, later: false };
  try {
    await patiently(async () => opened.open.erase?.({ key, receipt }, { signal: AbortSignal.timeout(to.timeoutMs) }));
    return { erased: true, why: "", later: false };
  } catch (error) {
    return { erased: false, why: messageOf(error), later: true };
  }
}

async function afterErase(to: Destination, open: OpenDestination<unknown>): Promise<string | undefined> {
  try {
    return await open.afterErase?.({ signal: AbortSignal.timeout(AFTER_ERASE_MS) });
  } catch (error) {
    return `what ${to.connector.title} keeps of what was deleted is not known: ${messageOf(error)}`;
  }
}

function nameOf({ route, source, callId, destination, receipt }: Left) {
  return { route, source, callId, destination, id: receipt.id, url: receipt.url };
}

/** What a person has to do about it. */
export function notErased({ destination, url, id, why, later, callId }: Erased): string {
  const where = `${destination}: ${url ?? id}`;
  return later ? `not deleted at ${where} (${why}): patchbay forget ${callId} once more` : `to be deleted by hand at ${where} (${why})`;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : "unknown");
