import type { Receipt } from "../connector.ts";
import { deliveryKey } from "../delivery/key.ts";
import type { ExitCode } from "../errors.ts";
import type { DeliveryRow } from "../ledger/ledger.ts";
import { CALLS_TOPIC } from "../log/log.ts";
import { type Found, findEverything, forgetEverything } from "../repair/forget.ts";
import { logRetentionMs } from "../repair/keep.ts";
import type { Destination } from "../route.ts";
import type { LoadedRoutes } from "../routes/index.ts";
import { confirmed, person } from "./ask.ts";
import { type CommonOptions, createContext } from "./context.ts";
import { createProgress } from "./progress.ts";

/** The ledger keeps no number, so that a copy of it tells nobody who called. */
const OLDER = "A number finds the calls that the log still holds; of older ones the ledger knows the call_id alone: name that.";

type Left = { route: string; destination: string; receipt: Receipt; key: string; to: Destination | undefined };

/** `patchbay forget <call_id | number>`: shows every place, removes what is ours, deletes at destinations that can, lists the rest. */
export async function forgetCommand(what: string, options: CommonOptions & { yes?: boolean }): Promise<ExitCode> {
  const context = createContext({ ...options, looksOnly: true });
  const progress = createProgress({ enabled: !options.json });
  try {
    const routes = await context.routes({ kind: "all" });
    const [log, ledger] = [await context.log(), await context.ledger()];
    const found = await findEverything({ what, log, ledger, onProgress: (n) => progress.show(`${n} records of the log read`) });
    progress.clear();
    if (found.calls.length === 0 && found.places.length === 0) {
      console.error("Nothing is known of it: neither the log nor the ledger has such a call.");
      if (found.byNumber) console.error(OLDER);
      return 1;
    }
    const left = leftAt(found, routes);
    const retentionMs = await logRetentionMs(log, routes.retention);
    const expiresAt = expiry(found, retentionMs);
    if (!options.json) console.log(describeFound({ found, left, erasable: log.erase !== undefined, expiresAt }));
    if (!(await confirmed(`Forget ${found.calls.length} call${found.calls.length === 1 ? "" : "s"}?`, options))) return 0;

    const atDestinations = await eraseAt(left, routes.timezone);
    const removed = await forgetEverything({ found, log, ledger, by: person(context.env) });
    const rest = atDestinations.filter(({ erased }) => !erased);
    if (options.json) console.log(JSON.stringify({ calls: found.calls.length, ...removed, destinations: atDestinations, expiresAt }));
    else {
      console.log(
        `${removed.rows} rows and ${removed.copies} copies in the log are removed; ${atDestinations.length - rest.length} deleted at destinations.`,
      );
      for (const { destination, url, id, why } of rest) console.log(`  to be deleted by hand at ${destination}: ${url ?? id} (${why})`);
      if (removed.copies === 0 && found.places.length > 0)
        console.log(`  Kafka's copies expire by ${expiresAt ?? "a time that Kafka does not tell"}; until then nothing brings them back.`);
    }
    return rest.length === 0 ? 0 : 1;
  } finally {
    progress.clear();
    await context.close();
  }
}

function leftAt(found: Found, routes: LoadedRoutes): Left[] {
  return found.rows.flatMap((row: DeliveryRow) => {
    if (!row.receipt) return [];
    const route = routes.routes.find(({ id }) => id === row.route);
    const key = route === undefined ? "" : deliveryKey(route, { source: row.source, call_id: row.callId });
    return [
      { route: row.route, destination: route?.to.name ?? "(a route that is not in the file)", receipt: row.receipt, key, to: route?.to },
    ];
  });
}

function expiry(found: Found, retentionMs: number | undefined): string | undefined {
  const newest = Math.max(...found.places.filter(({ topic }) => topic === CALLS_TOPIC).map(({ appendedAt }) => appendedAt));
  return retentionMs === undefined || !Number.isFinite(newest) ? undefined : new Date(newest + retentionMs).toISOString();
}

function describeFound(options: { found: Found; left: Left[]; erasable: boolean; expiresAt: string | undefined }): string {
  const { found, left, erasable, expiresAt } = options;
  const copies = erasable ? "removed" : `stay until the log's retention ends (${expiresAt ?? "a time that it does not tell"})`;
  return [
    ...(found.byNumber ? [OLDER] : []),
    `${found.calls.length} calls: ${found.calls.map(({ callId }) => callId).join(", ")}`,
    `  in the log: ${found.places.length} copies, ${copies}`,
    `  in the ledger: ${found.rows.length} rows, removed but for the call's id`,
    ...left.map(
      ({ destination, receipt, to }) =>
        `  at ${destination}: ${receipt.url ?? receipt.id}${to === undefined ? ", to be deleted by hand" : ""}`,
    ),
  ].join("\n");
}

async function eraseAt(
  left: Left[],
  timezone: string,
): Promise<{ destination: string; id: string; url?: string | undefined; erased: boolean; why: string }[]> {
  const results = [];
  for (const { destination, receipt, key, to } of left) {
    const result = { destination, id: receipt.id, url: receipt.url };
    try {
      if (!to) throw new Error("its route is not in the file");
      const open = await to.connector.open({ settings: to.settings(), timezone, timeoutMs: to.timeoutMs });
      try {
        if (!open.erase) throw new Error(`${to.connector.title} cannot delete from here`);
        await open.erase({ key, receipt }, { signal: AbortSignal.timeout(to.timeoutMs) });
        results.push({ ...result, erased: true, why: "" });
      } finally {
        await open.close();
      }
    } catch (error) {
      results.push({ ...result, erased: false, why: error instanceof Error ? error.message : "unknown" });
    }
  }
  return results;
}
