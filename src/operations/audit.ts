/** Proves that nothing was lost: compares every record of the log with what the ledger says of it on each route. */
import { groupOf } from "../delivery/route/start-position.ts";
import type { LossLedger } from "../ledger/losses.ts";
import { isNewer, type RecordPlace } from "../ledger/record-order.ts";
import type { RouteLedger } from "../ledger/routes.ts";
import { isOneOf } from "../ledger/versions.ts";
import type { RowProof, ViewLedger } from "../ledger/views.ts";
import { covered, type Range } from "../lib/text/ranges.ts";
import { CALLS_TOPIC, type Log, type Message, type Position } from "../log/log.ts";
import { readPages } from "../log/pages.ts";
import { fromMessage } from "../model/envelope.ts";
import { parseRecord } from "../model/record.ts";
import type { Route } from "../route.ts";

export interface Gap {
  source: string;
  callId: string;
  partition: number;
  offset: number;
  why: string;
}

/** Counts of log records: `records` is the sum of all from `delivered` to `gaps`. */
export interface RouteAudit {
  route: string;
  records: number;
  delivered: number;
  skipped: number;
  dead: number;
  waiting: number;
  /** A newer record of the same call replaced it. */
  superseded: number;
  /** The same content again: nothing to do. */
  repeated: number;
  /** An earlier version of the call arrived again after a newer one, and was left out. */
  returned: number;
  /** Behind the route's position: not processed yet. */
  unread: number;
  gaps: number;
  /** The first gaps, by call. */
  examples: Gap[];
  /** Offsets that retention took before the route had read them. */
  lostToRetention: number;
  /** Offsets of records that lie in the log and cannot be read. */
  unreadable: number;
  /** Of the two above: those that a person has accepted. */
  lossAccepted: number;
}

const MAX_EXAMPLES = 100;

/** Reads the log from the route's start, or from `since` (Unix ms), to its end as it is now. */
export async function auditRoute(options: {
  route: Pick<Route, "id">;
  log: Log;
  ledger: RouteLedger & LossLedger & ViewLedger;
  since?: number | undefined;
  onProgress?: (records: number) => void;
}): Promise<RouteAudit> {
  const { route, log, ledger, since, onProgress = () => undefined } = options;
  const audit: RouteAudit = {
    route: route.id,
    records: 0,
    delivered: 0,
    skipped: 0,
    dead: 0,
    waiting: 0,
    superseded: 0,
    repeated: 0,
    returned: 0,
    unread: 0,
    gaps: 0,
    examples: [],
    lostToRetention: 0,
    unreadable: 0,
    lossAccepted: 0,
  };
  // Positions are read before rows: what is below a position was settled before.
  const committed = await log.committed({ group: groupOf(route.id), topic: CALLS_TOPIC });
  const starts = (await ledger.routeStarts()).get(route.id) ?? [];
  const sinceAt = since === undefined ? [] : await log.offsetsAt({ topic: CALLS_TOPIC, atMs: since });
  const lost = (await ledger.lost()).filter((range) => range.route === route.id && range.at >= (since ?? 0));
  const taken = lost.filter(({ kind }) => kind === "retention");
  audit.lostToRetention = covered(taken);
  audit.lossAccepted = covered(lost.filter(({ acceptedAt }) => acceptedAt !== undefined));
  const unreadable: Range[] = lost.filter(({ kind }) => kind === "unreadable");

  for (const { partition, low, high } of await log.ranges(CALLS_TOPIC)) {
    const of = (positions: Position[]) => positions.find((one) => one.partition === partition)?.offset;
    const start = of(starts) ?? low;
    const reached = of(committed) ?? start;
    // What retention took and no worker has reached yet.
    const noted = Math.max(reached, ...taken.filter((range) => range.partition === partition).map(({ to }) => to));
    audit.lostToRetention += Math.max(0, low - noted);
    const from = Math.max(low, start, of(sinceAt) ?? 0);
    // The route will not be able to read those ahead of it either.
    const onUnreadable = (range: Range) => unreadable.push({ partition, from: range.from, to: Math.min(range.to, high) });
    for await (const messages of readPages({ log, topic: CALLS_TOPIC, partition, from, end: high, onUnreadable })) {
      await count(messages, reached);
      onProgress(audit.records);
    }
  }
  audit.unreadable = covered(unreadable);
  return audit;

  async function count(messages: Message[], reached: number): Promise<void> {
    const keyed = messages.map((message) => identityOf(message, ledger.fingerprint));
    const done = keyed.filter(({ place }) => place.offset < reached);
    const keys = [...new Map(done.map(({ source, callId }) => [`${source}\n${callId}`, { source, callId }])).values()];
    const proofs = new Map((await ledger.proofs({ route: route.id, keys })).map((proof) => [`${proof.source}\n${proof.callId}`, proof]));
    audit.records += messages.length;
    audit.unread += keyed.length - done.length;
    for (const { place, source, callId, hash } of done) {
      const verdict = verdictOf({ place, hash, proof: proofs.get(`${source}\n${callId}`) });
      if ("state" in verdict) audit[verdict.state] += 1;
      else {
        audit.gaps += 1;
        const { partition, offset } = place;
        if (audit.examples.length < MAX_EXAMPLES) audit.examples.push({ source, callId, partition, offset, why: verdict.gap });
      }
    }
  }
}

interface AuditedRecord {
  place: RecordPlace;
  source: string;
  callId: string;
  /** {@link ViewLedger.fingerprint} of its content. */
  hash: string;
}

function identityOf(message: Message, fingerprint: ViewLedger["fingerprint"]): AuditedRecord {
  const { partition, offset } = message;
  const { source, acceptedAt } = fromMessage(message);
  const place = { partition, offset, acceptedAt };
  const parsed = parseRecord(message.value);
  // The same id that the worker uses for a record that it cannot read.
  if (!parsed.ok)
    return { place, source, callId: message.key.slice(source.length + 1) || message.key || "?", hash: fingerprint("unreadable") };
  return { place, source, callId: parsed.record.call_id, hash: fingerprint(parsed.hash) };
}

type Counted = "delivered" | "skipped" | "dead" | "waiting" | "superseded" | "repeated" | "returned";

/** For a record below the route's position: it has ended, or a newer one replaced it, or it is a gap. */
function verdictOf(options: { place: RecordPlace; hash: string; proof: RowProof | undefined }): { state: Counted } | { gap: string } {
  const { place, hash, proof } = options;
  if (!proof) return { gap: "the ledger knows nothing of it" };
  if (proof.partition !== place.partition || proof.offset !== place.offset) {
    if (proof.hash === hash || proof.hash === "forgotten") return { state: "repeated" };
    const isEarlier = isOneOf(proof.earlier, hash);
    if (isNewer(place, proof) && !isEarlier)
      return { gap: `the ledger knows an older content only (partition ${proof.partition}, offset ${proof.offset})` };
    return { state: isEarlier && !isNewer(proof, place) ? "returned" : "superseded" };
  }
  if (proof.state !== "sending") return { state: proof.state };
  // A due row under way has its body; a message under way is not acknowledged, so it is not below the position.
  return proof.hasBody ? { state: "waiting" } : { gap: "it was begun and never came to an end" };
}

/** Records that the route will never read, and that no person has accepted as lost. */
export function openLoss({ lostToRetention, unreadable, lossAccepted }: RouteAudit): number {
  return Math.max(0, lostToRetention + unreadable - lossAccepted);
}

/** Whether every accepted call has ended, waits, is still to be read, or is lost and accepted as lost. */
export function isWhole(audit: RouteAudit): boolean {
  return audit.gaps === 0 && openLoss(audit) === 0;
}
