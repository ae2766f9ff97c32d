import type { DatabaseSync } from "node:sqlite";
import { inTransaction } from "../../lib/sqlite/open.ts";
import type { ClaimLedger, SettleRequest, SkipAnswer, SkipRequest } from "../claims.ts";
import { FORGOTTEN_REASON } from "../forgotten.ts";
import { skipAnswerOf } from "../sql/answers.ts";
import { isForgotten, NO_CONTENT, SKIPPED_HASH, SKIPPED_STATE, skipConflict, skippedVersions } from "../sql/conflicts.ts";
import { foundOf, isCounted, MAX_REASON_LENGTH } from "../sql/rows.ts";
import type { ViewLedger } from "../views.ts";
import { DIALECT, NOW_MS } from "./schema.ts";
import { recordColumns, unchangedStatement } from "./unchanged.ts";

const MINE = "WHERE route = :route AND source = :source AND call_id = :callId AND claim_id = :claimId";
const ENDED = `claim_id = NULL, claimed_by = NULL, claimed_until = 0, routes_version = :routesVersion, updated_at = ${NOW_MS}`;

const DELIVERED = `UPDATE deliveries SET state = 'delivered', ambiguous = 0, attempts = 0, aged_ms = 0, paced = 0, replay = 0, due_at = NULL, error_code = NULL, reason = NULL, body = NULL,
  receipt = :receipt, found = :found, awaits = :awaits, sent_fields = (SELECT json_group_array(value) FROM (SELECT value FROM json_each(sent_fields) UNION SELECT value FROM json_each(:sentFields))),
  ${ENDED} ${MINE}`;
const SKIPPED = `UPDATE deliveries AS d SET state = ${SKIPPED_STATE}, hash = ${SKIPPED_HASH}, versions = ${skippedVersions(DIALECT)}, aged_ms = 0, paced = 0, awaits = NULL, replay = 0, due_at = NULL, error_code = NULL, reason = :reason, body = NULL, ${ENDED} ${MINE}`;
const WAITING = `UPDATE deliveries SET state = 'waiting', ambiguous = :ambiguous, paced = :paced, awaits = :awaits, attempts = attempts + :counted,
  aged_ms = aged_ms + :counted * :dueInMs, due_at = ${NOW_MS} + :dueInMs,
  error_code = :errorCode, reason = :reason, body = :body, ${ENDED} ${MINE}`;
const DEAD = `UPDATE deliveries SET state = 'dead', ambiguous = :ambiguous, paced = 0, awaits = NULL, replay = 0, attempts = attempts + 1, due_at = NULL,
  error_code = :errorCode, reason = :reason, body = :body, ${ENDED} ${MINE}`;
const RELEASED = `UPDATE deliveries SET state = CASE WHEN body IS NULL THEN 'sending' ELSE 'waiting' END, due_at = CASE WHEN body IS NULL THEN NULL ELSE ${NOW_MS} END,
  ${ENDED} ${MINE}`;
const SKIP = `
  INSERT INTO deliveries AS d (route, source, call_id, state, log_partition, log_offset, hash, accepted_at, reason, routes_version, updated_at)
  SELECT :route, :source, :callId, 'skipped', :partition, :offset, CASE WHEN forgotten THEN :noContent ELSE :hash END, :acceptedAt,
    CASE WHEN forgotten THEN '${FORGOTTEN_REASON}' ELSE :reason END, :routesVersion, ${NOW_MS}
  FROM (SELECT ${isForgotten(":forgottenHash")} AS forgotten) WHERE true
  ${skipConflict(DIALECT)}
  RETURNING reason`;

export function settleStatements(db: DatabaseSync, fingerprint: ViewLedger["fingerprint"]): Pick<ClaimLedger, "settle" | "skip"> {
  const delivered = db.prepare(DELIVERED);
  const skipped = db.prepare(SKIPPED);
  const waiting = db.prepare(WAITING);
  const dead = db.prepare(DEAD);
  const released = db.prepare(RELEASED);
  const skip = db.prepare(SKIP);
  const unchanged = unchangedStatement(db);
  const noContent = fingerprint(NO_CONTENT);

  function settleOne({ route, source, callId, claimId, routesVersion, settlement }: SettleRequest): boolean {
    const mine = { route, source, callId, claimId, routesVersion };
    const reason = "reason" in settlement ? settlement.reason.slice(0, MAX_REASON_LENGTH) : "";
    switch (settlement.kind) {
      case "delivered": {
        const { receipt, sentFields, awaits = null } = settlement;
        const columns = { receipt: JSON.stringify(receipt), found: foundOf(receipt), awaits, sentFields: JSON.stringify(sentFields) };
        return delivered.run({ ...mine, ...columns }).changes === 1;
      }
      case "skipped":
        return skipped.run({ ...mine, reason }).changes === 1;
      case "waiting": {
        const { errorCode, awaits = null, body } = settlement;
        const [ambiguous, paced, counted] = [settlement.ambiguous ? 1 : 0, settlement.paced ? 1 : 0, isCounted(settlement)];
        const dueInMs = Math.round(settlement.dueInMs);
        return waiting.run({ ...mine, reason, errorCode, dueInMs, ambiguous, paced, awaits, counted, body }).changes === 1;
      }
      case "dead":
        return (
          dead.run({
            ...mine,
            reason,
            errorCode: settlement.errorCode,
            ambiguous: settlement.ambiguous ? 1 : 0,
            body: settlement.body,
          }).changes === 1
        );
      case "released":
        return released.run(mine).changes === 1;
    }
  }

  function skipOne({ reason, routesVersion, ...item }: SkipRequest): SkipAnswer {
    const record = recordColumns(item, fingerprint);
    const skipped = skip.get({ ...record, routesVersion, reason: reason.slice(0, MAX_REASON_LENGTH), noContent });
    return skipAnswerOf(skipped, skipped ? undefined : unchanged(record));
  }

  return {
    settle: async (items) => inTransaction(db, () => items.map(settleOne)),
    skip: async (items) => inTransaction(db, () => items.map(skipOne)),
  };
}
