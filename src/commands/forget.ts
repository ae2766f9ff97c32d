import { isRunning } from "../delivery/process/heartbeat.ts";
import { type ExitCode, UsageError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { asTyped } from "../lib/text/typed-command.ts";
import { systemClock } from "../lib/time/clock.ts";
import { CALLS_TOPIC } from "../log/log.ts";
import { toE164 } from "../model/phone.ts";
import { abilityToErase, eraseAt, leftAt, notErased } from "../operations/erase.ts";
import { type Found, findEverything } from "../operations/find.ts";
import { forbid, forgetEverything, forgottenOf } from "../operations/forget.ts";
import { forgottenFile, keepForgotten } from "../operations/forgotten-file.ts";
import { logRetentionMs } from "../operations/retention.ts";
import { type CommonOptions, createContext } from "./context.ts";
import { count, describeDone, describeFound, describeLooked, NOT_LOOKED_AT } from "./forget-text.ts";
import { createProgress } from "./progress.ts";
import { currentUser, declined } from "./prompt.ts";

/**
 * `patchbay forget <call_id | number>`: shows every place, removes what is ours, deletes at destinations that can, says what stays.
 * Exit code 1: nothing was found, or something is left for people to delete.
 */
export async function forgetCommand(what: string, options: CommonOptions & { yes?: boolean }): Promise<ExitCode> {
  const context = createContext({ ...options, looksOnly: true });
  const progress = createProgress({ enabled: !options.json });
  try {
    const routes = await context.routes({ kind: "all" });
    const [log, ledger] = [await context.log(), await context.ledger()];
    const { ownNumbers } = routes;
    const onProgress = (records: number) => progress.show(`${records} records read`);
    const found = await findEverything({ what, ownNumbers, log, ledger, onProgress });
    progress.clear();
    refuseOwnNumber(found, ownNumbers);
    if (found.calls.length === 0 && found.places.length === 0) return nothing(found, what);
    if (isForgotten(found)) return already(found, options);

    const expiresAt = expiry(found, await logRetentionMs(log, routes.retention));
    if (!options.json) {
      const [left, backups] = [leftAt(found.rows, routes.routes), await backupsIn(ledger)];
      const able = await abilityToErase({ left, timezone: routes.timezone });
      console.log(describeFound({ found, what, left, able, erasable: log.erase !== undefined, expiresAt, backups }));
    }
    const no = await declined(`Forget ${found.calls.length > 0 ? count(found.calls.length, "call") : "this"}?`, options);
    if (no !== undefined) return no;

    progress.show("waiting for attempts that are under way");
    const { rows, underWay } = await forbid({ found, ledger, isRunning, clock: systemClock });
    progress.clear();
    if (ledger.file) keepForgotten(forgottenFile(ledger.file.path), forgottenOf(found));
    const at = await eraseAt({ left: leftAt(rows, routes.routes), timezone: routes.timezone, clock: systemClock });
    const left = at.erased.filter(({ later }) => later);
    const removed = await forgetEverything({ found, log, ledger, left, by: currentUser(context.env) });

    const rest = at.erased.filter(({ erased }) => !erased);
    const written = found.written.map((what) => `${what} names the number, and stays`);
    const stays = [
      ...written,
      ...staysInLog(found, { erasable: log.erase !== undefined, expiresAt }),
      ...removed.stays,
      ...at.stays,
      ...underWay.map(unclear),
    ];
    if (options.json) {
      const { rows, copies, quarantined } = removed;
      const mentions = found.mentions.map(({ callId }) => callId);
      console.log(
        JSON.stringify({ calls: found.calls.length, rows, copies, quarantined, destinations: at.erased, expiresAt, stays, mentions }),
      );
    } else {
      console.log(describeDone({ removed, deleted: at.erased.length - rest.length }));
      for (const one of rest) console.log(`  ${asTyped(notErased(one))}`);
      for (const sentence of stays) console.log(`  ${sentence}`);
    }
    return rest.length + underWay.length === 0 ? 0 : 1;
  } finally {
    progress.clear();
    await context.close();
  }
}

/** Every call has one of our own numbers. */
function refuseOwnNumber({ number }: Found, ownNumbers: readonly string[]): void {
  const ours = ownNumbers.map((own) => toE164(own) || own);
  if (!number?.numbers.some((one) => ours.includes(one))) return;
  throw new UsageError("the number is one of own_numbers: it stands in every call of that line", {
    hint: "Give the number of the person who is to be forgotten, or the call_id.",
  });
}

function nothing(found: Found, what: string): ExitCode {
  const { number } = found;
  if (number && number.numbers.length === 0 && number.literal === undefined) {
    throw new UsageError("this is a number without its country, and routes.yaml has no own_numbers that say which one is meant", {
      hint: "Write it with + and the country, such as +1 415 555 0123.",
    });
  }
  console.error(`Nothing was found. ${describeLooked(found, what)}`);
  if (number) console.error(NOT_LOOKED_AT);
  return 1;
}

const isForgotten = ({ places, rows, calls }: Found) =>
  places.length === 0 &&
  calls.length > 0 &&
  rows.length > 0 &&
  rows.every(({ reason, receipt }) => reason === "forgotten on request" && !receipt);

function already(found: Found, options: CommonOptions): ExitCode {
  if (options.json)
    console.log(
      JSON.stringify({ calls: found.calls.length, rows: 0, copies: 0, quarantined: 0, destinations: [], stays: [], mentions: [] }),
    );
  else console.log(`${found.calls.map(({ callId }) => callId).join(", ")}: forgotten before; nothing but the id is left.`);
  return 0;
}

function expiry(found: Found, retentionMs: number | undefined): string | undefined {
  const newest = Math.max(...found.places.filter(({ topic }) => topic === CALLS_TOPIC).map(({ appendedAt }) => appendedAt));
  return retentionMs === undefined || !Number.isFinite(newest) ? undefined : new Date(newest + retentionMs).toISOString();
}

function staysInLog(found: Found, options: { erasable: boolean; expiresAt: string | undefined }): string[] {
  const { erasable, expiresAt } = options;
  if (erasable || found.places.length === 0) return [];
  return [`Kafka's copies expire by ${expiresAt ?? "a time that Kafka does not tell"}; until then nothing brings them back`];
}

const unclear = (route: string) => `an attempt on ${route} had not ended: what it leaves is not known here; run this once more in a minute`;

/** Backups that this ledger knows of, by their folders. */
async function backupsIn(ledger: Ledger): Promise<string[]> {
  const actions = await ledger.actions({ limit: 10_000 });
  return actions
    .filter(({ action }) => action === "backup")
    .map(({ at, detail }) => `${detail} (${new Date(at).toISOString().slice(0, 10)})`);
}
