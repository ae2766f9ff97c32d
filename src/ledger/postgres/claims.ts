import { randomUUID } from "node:crypto";
import type { ClaimLedger } from "../claims.ts";
import { claimAnswerOf } from "../sql/answers.ts";
import { claimConflict, isForgotten, isForgottenRow } from "../sql/conflicts.ts";
import { keyOf, type Row, toClaim, toDueDelivery } from "../sql/rows.ts";
import type { ViewLedger } from "../views.ts";
import type { Database } from "./connect.ts";
import { DIALECT, NOW_MS } from "./schema.ts";
import { withoutNul } from "./text.ts";
import { lookAtUnchangedRows, recordColumns } from "./unchanged.ts";

/**
 * The claim table of `src/ledger/claims.ts`, as one statement for the batch: a row is returned if and only if it is claimed.
 * Rows are locked in the order of their keys, so that two batches cannot wait for each other.
 */
const CLAIM = {
  name: "claim",
  text: `
  INSERT INTO deliveries AS d (route, source, call_id, state, claim_id, claimed_by, claimed_until, log_partition, log_offset, hash, accepted_at, updated_at)
  SELECT route, source, call_id, 'sending', claim_id, $2, ${NOW_MS} + $3::bigint, log_partition, log_offset, hash, accepted_at, ${NOW_MS}
  FROM jsonb_to_recordset($1::jsonb) AS item(route text, source text, call_id text, claim_id text, log_partition integer, log_offset bigint, hash text, accepted_at bigint, forgotten_hash text)
  WHERE NOT ${isForgotten("forgotten_hash")}
  ORDER BY route, source, call_id
  ${claimConflict(DIALECT)}
  RETURNING route, source, call_id, claim_id, ambiguous, attempts, receipt, sent_fields, aged_ms, paced, replay`,
};

/**
 * Waiting rows that are due, and due rows of a worker that died, which are ambiguous. Replicas skip rows that another one is claiming.
 * Materialized: a planner that runs the inner query once per row would claim more than the limit.
 */
const CLAIM_DUE = `
  WITH due AS MATERIALIZED (
    SELECT source, call_id FROM deliveries
    WHERE route = $1 AND ((state = 'waiting' AND due_at <= ${NOW_MS})
       OR (state = 'sending' AND body IS NOT NULL AND claim_id IS NOT NULL AND claimed_until <= ${NOW_MS}))
    ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED
  )
  UPDATE deliveries AS d SET
    ambiguous = CASE WHEN d.state = 'sending' THEN 1 ELSE d.ambiguous END,
    state = 'sending', claim_id = gen_random_uuid()::text, claimed_by = $2, claimed_until = ${NOW_MS} + $3::bigint, updated_at = ${NOW_MS}
  FROM due
  WHERE d.route = $1 AND d.source = due.source AND d.call_id = due.call_id
  RETURNING d.*, ${isForgottenRow(DIALECT, "d.")} AS forgotten`;

const RENEW = `
  UPDATE deliveries AS d SET claimed_until = ${NOW_MS} + $2::bigint
  FROM jsonb_to_recordset($1::jsonb) AS item(route text, source text, call_id text, claim_id text)
  WHERE d.route = item.route AND d.source = item.source AND d.call_id = item.call_id AND d.claim_id = item.claim_id AND d.state = 'sending'
  RETURNING d.claim_id`;

export function claimQueries(db: Database, fingerprint: ViewLedger["fingerprint"]): Pick<ClaimLedger, "claim" | "claimDue" | "renew"> {
  return {
    async claim({ worker, leaseMs, items }) {
      const rows = items.map((item) => ({ ...recordColumns(item, fingerprint), claim_id: randomUUID() }));
      const claimed = new Map(
        (await db.queryOften(CLAIM, [JSON.stringify(rows), worker, leaseMs])).rows.map((row: Row) => [keyOf(row), toClaim(row)]),
      );
      const others = await lookAtUnchangedRows(
        db,
        rows.filter((row) => !claimed.has(keyOf(row))),
      );
      return rows.map((row) => {
        const claim = claimed.get(keyOf(row));
        return claim ? { kind: "claimed", claim } : claimAnswerOf(others.get(keyOf(row)));
      });
    },
    async claimDue({ route, worker, leaseMs, max }) {
      const { rows } = await db.query(CLAIM_DUE, [route, worker, leaseMs, max]);
      return rows.sort((a: Row, b: Row) => Number(a.due_at) - Number(b.due_at)).map(toDueDelivery);
    },
    async renew({ leaseMs, claims }) {
      const items = claims.map(({ key, claimId }) => ({
        route: key.route,
        source: withoutNul(key.source),
        call_id: withoutNul(key.callId),
        claim_id: claimId,
      }));
      const renewed = new Set((await db.query(RENEW, [JSON.stringify(items), leaseMs])).rows.map((row: Row) => row.claim_id));
      return claims.map(({ claimId }) => renewed.has(claimId));
    },
  };
}
