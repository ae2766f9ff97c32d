import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { inTransaction } from "../../lib/sqlite/open.ts";
import type { ClaimAnswer, ClaimLedger, ClaimRequest } from "../claims.ts";
import { claimAnswerOf } from "../sql/answers.ts";
import { claimConflict, isForgotten, isForgottenRow } from "../sql/conflicts.ts";
import { toClaim, toDueDelivery } from "../sql/rows.ts";
import type { ViewLedger } from "../views.ts";
import { DIALECT, NOW_MS } from "./schema.ts";
import { recordColumns, unchangedStatement } from "./unchanged.ts";

/** The claim table of `src/ledger/claims.ts`, as one statement: a row is returned if and only if it is claimed. */
const CLAIM = `
  INSERT INTO deliveries AS d (route, source, call_id, state, claim_id, claimed_by, claimed_until, log_partition, log_offset, hash, accepted_at, updated_at)
  SELECT :route, :source, :callId, 'sending', :claimId, :worker, ${NOW_MS} + :leaseMs, :partition, :offset, :hash, :acceptedAt, ${NOW_MS}
  WHERE NOT ${isForgotten(":forgottenHash")}
  ${claimConflict(DIALECT)}
  RETURNING *`;

/** Waiting rows that are due, and due rows of a worker that died, which are ambiguous. */
const CLAIM_DUE = `
  UPDATE deliveries SET
    ambiguous = CASE WHEN state = 'sending' THEN 1 ELSE ambiguous END,
    state = 'sending', claim_id = :claimPrefix || ':' || call_id || ':' || source, claimed_by = :worker, claimed_until = ${NOW_MS} + :leaseMs, updated_at = ${NOW_MS}
  WHERE route = :route AND (source, call_id) IN (
    SELECT source, call_id FROM deliveries
    WHERE route = :route AND ((state = 'waiting' AND due_at <= ${NOW_MS})
       OR (state = 'sending' AND body IS NOT NULL AND claim_id IS NOT NULL AND claimed_until <= ${NOW_MS}))
    ORDER BY due_at LIMIT :max)
  RETURNING *, ${isForgottenRow(DIALECT, "")} AS forgotten`;

export function claimStatements(
  db: DatabaseSync,
  fingerprint: ViewLedger["fingerprint"],
): Pick<ClaimLedger, "claim" | "claimDue" | "renew"> {
  const claimOne = db.prepare(CLAIM);
  const unchanged = unchangedStatement(db);
  const claimDue = db.prepare(CLAIM_DUE);
  const renewOne = db.prepare(
    `UPDATE deliveries SET claimed_until = ${NOW_MS} + ? WHERE route = ? AND source = ? AND call_id = ? AND claim_id = ? AND state = 'sending'`,
  );

  function answer(item: ClaimRequest, worker: string, leaseMs: number): ClaimAnswer {
    const record = recordColumns(item, fingerprint);
    const row = claimOne.get({ ...record, worker, leaseMs, claimId: randomUUID() });
    if (row) return { kind: "claimed", claim: toClaim(row) };
    return claimAnswerOf(unchanged(record));
  }

  return {
    claim: async ({ worker, leaseMs, items }) => inTransaction(db, () => items.map((item) => answer(item, worker, leaseMs))),
    async claimDue({ route, worker, leaseMs, max }) {
      const rows = inTransaction(db, () => claimDue.all({ route, worker, leaseMs, max, claimPrefix: randomUUID() }));
      return rows.sort((a, b) => Number(a.due_at) - Number(b.due_at)).map(toDueDelivery);
    },
    renew: async ({ leaseMs, claims }) =>
      inTransaction(db, () =>
        claims.map(({ key, claimId }) => renewOne.run(leaseMs, key.route, key.source, key.callId, claimId).changes === 1),
      ),
  };
}
