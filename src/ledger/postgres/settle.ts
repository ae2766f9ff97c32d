import type { ClaimLedger, Settlement } from "../claims.ts";
import { FORGOTTEN_REASON } from "../forgotten.ts";
import { skipAnswerOf } from "../sql/answers.ts";
import { isForgotten, NO_CONTENT, SKIPPED_HASH, SKIPPED_STATE, skipConflict, skippedVersions } from "../sql/conflicts.ts";
import { foundOf, isCounted, keyOf, MAX_REASON_LENGTH, type Row } from "../sql/rows.ts";
import type { ViewLedger } from "../views.ts";
import type { Database } from "./connect.ts";
import { DIALECT, NOW_MS } from "./schema.ts";
import { withoutNul } from "./text.ts";
import { lookAtUnchangedRows, recordColumns } from "./unchanged.ts";

/**
 * All settlements of a batch in one statement; a row comes back if and only if the claim was still its own. Bodies come as an array beside the JSON.
 * The limit is their number, and only tells the planner so: it takes any JSON for a hundred rows, and would read a table of up to 10,000 rows
 * from end to end for each batch instead of looking up a few keys.
 */
const SETTLE = {
  name: "settle",
  text: `
  UPDATE deliveries AS d SET
    state = CASE item.kind WHEN 'released' THEN CASE WHEN d.body IS NULL THEN 'sending' ELSE 'waiting' END WHEN 'skipped' THEN ${SKIPPED_STATE} ELSE item.kind END,
    hash = CASE item.kind WHEN 'skipped' THEN ${SKIPPED_HASH} ELSE d.hash END,
    versions = CASE item.kind WHEN 'skipped' THEN ${skippedVersions(DIALECT)} ELSE d.versions END,
    ambiguous = CASE item.kind WHEN 'waiting' THEN item.ambiguous WHEN 'dead' THEN item.ambiguous WHEN 'delivered' THEN 0 ELSE d.ambiguous END,
    attempts = CASE WHEN item.kind = 'delivered' THEN 0 WHEN item.kind IN ('waiting', 'dead') THEN d.attempts + item.counted ELSE d.attempts END,
    aged_ms = CASE WHEN item.kind IN ('released', 'dead') THEN d.aged_ms WHEN item.kind = 'waiting' THEN d.aged_ms + item.counted * item.due_in_ms ELSE 0 END,
    paced = CASE item.kind WHEN 'waiting' THEN item.paced WHEN 'released' THEN d.paced ELSE 0 END,
    awaits = CASE WHEN item.kind IN ('delivered', 'waiting') THEN item.awaits WHEN item.kind = 'released' THEN d.awaits END,
    replay = CASE WHEN item.kind IN ('waiting', 'released') THEN d.replay ELSE 0 END,
    due_at = CASE WHEN item.kind = 'waiting' THEN ${NOW_MS} + item.due_in_ms WHEN item.kind = 'released' AND d.body IS NOT NULL THEN ${NOW_MS} END,
    error_code = CASE item.kind WHEN 'released' THEN d.error_code ELSE item.error_code END,
    reason = CASE item.kind WHEN 'released' THEN d.reason ELSE item.reason END,
    body = CASE WHEN item.kind IN ('waiting', 'dead') THEN ($2::bytea[])[item.n] WHEN item.kind = 'released' THEN d.body END,
    receipt = CASE WHEN item.kind = 'delivered' THEN item.receipt ELSE d.receipt END,
    found = CASE WHEN item.kind = 'delivered' THEN item.found ELSE d.found END,
    sent_fields = CASE WHEN item.kind = 'delivered'
      THEN (SELECT coalesce(jsonb_agg(DISTINCT field), '[]')::text FROM jsonb_array_elements_text(d.sent_fields::jsonb || item.sent_fields) AS field)
      ELSE d.sent_fields END,
    claim_id = NULL, claimed_by = NULL, claimed_until = 0, routes_version = item.routes_version, updated_at = ${NOW_MS}
  FROM (SELECT * FROM jsonb_to_recordset($1::jsonb) AS item(n integer, route text, source text, call_id text, claim_id text, kind text,
    routes_version text, reason text, error_code text, due_in_ms bigint, ambiguous smallint, paced smallint, counted smallint, awaits text,
    receipt text, found integer, sent_fields jsonb) LIMIT $3::bigint) AS item
  WHERE d.route = item.route AND d.source = item.source AND d.call_id = item.call_id AND d.claim_id = item.claim_id
  RETURNING item.n`,
};

const FORGOTTEN = isForgotten("item.forgotten_hash");
const SKIP = {
  name: "skip",
  text: `
  INSERT INTO deliveries AS d (route, source, call_id, state, log_partition, log_offset, hash, accepted_at, reason, routes_version, updated_at)
  SELECT route, source, call_id, 'skipped', log_partition, log_offset, CASE WHEN ${FORGOTTEN} THEN $2 ELSE hash END, accepted_at,
    CASE WHEN ${FORGOTTEN} THEN '${FORGOTTEN_REASON}' ELSE reason END, routes_version, ${NOW_MS}
  FROM jsonb_to_recordset($1::jsonb) AS item(route text, source text, call_id text, log_partition integer, log_offset bigint, hash text,
    accepted_at bigint, reason text, routes_version text, forgotten_hash text)
  ORDER BY route, source, call_id
  ${skipConflict(DIALECT)}
  RETURNING route, source, call_id, reason`,
};

export function settleQueries(db: Database, fingerprint: ViewLedger["fingerprint"]): Pick<ClaimLedger, "settle" | "skip"> {
  return {
    async settle(items) {
      const rows = items.map(({ route, source, callId, claimId, routesVersion, settlement }, index) => ({
        n: index + 1,
        route,
        source: withoutNul(source),
        call_id: withoutNul(callId),
        claim_id: claimId,
        routes_version: routesVersion,
        ...columnsOf(settlement),
      }));
      const bodies = items.map(({ settlement }) => ("body" in settlement ? Buffer.from(settlement.body) : null));
      const settled = new Set(
        (await db.queryOften(SETTLE, [JSON.stringify(rows), bodies, rows.length])).rows.map((row: Row) => Number(row.n)),
      );
      return rows.map(({ n }) => settled.has(n));
    },
    async skip(items) {
      const rows = items.map((item) => ({
        ...recordColumns(item, fingerprint),
        reason: shorten(item.reason),
        routes_version: item.routesVersion,
      }));
      const answered = (await db.queryOften(SKIP, [JSON.stringify(rows), fingerprint(NO_CONTENT)])).rows;
      const skipped = new Map(answered.map((row: Row) => [keyOf(row), row]));
      const others = await lookAtUnchangedRows(
        db,
        rows.filter((row) => !skipped.has(keyOf(row))),
      );
      return rows.map((row) => skipAnswerOf(skipped.get(keyOf(row)), others.get(keyOf(row))));
    },
  };
}

function shorten(reason: string): string {
  return withoutNul(reason.slice(0, MAX_REASON_LENGTH));
}

function columnsOf(settlement: Settlement): Record<string, unknown> {
  const { kind } = settlement;
  switch (kind) {
    case "delivered":
      return {
        kind,
        receipt: withoutNul(JSON.stringify(settlement.receipt)),
        found: foundOf(settlement.receipt),
        awaits: settlement.awaits,
        sent_fields: settlement.sentFields,
      };
    case "skipped":
      return { kind, reason: shorten(settlement.reason) };
    case "waiting":
      return {
        kind,
        reason: shorten(settlement.reason),
        error_code: withoutNul(settlement.errorCode),
        due_in_ms: Math.round(settlement.dueInMs),
        ambiguous: settlement.ambiguous ? 1 : 0,
        paced: settlement.paced ? 1 : 0,
        awaits: settlement.awaits,
        counted: isCounted(settlement),
      };
    case "dead":
      return {
        kind,
        reason: shorten(settlement.reason),
        error_code: withoutNul(settlement.errorCode),
        paced: 0,
        counted: 1,
        ambiguous: settlement.ambiguous ? 1 : 0,
      };
    case "released":
      return { kind };
  }
}
