/**
 * What becomes of a row that is there already: the claim table and the rule of skips (`ledger.ts`), in the SQL that both engines speak.
 * To be put behind an `INSERT INTO deliveries AS d`; `nowMs` is the engine's expression for its clock.
 */

/**
 * An attempt whose end is unknown stays so, whatever comes between, until a delivery succeeds: only then is it known what is there.
 */
const MAY_HAVE_ARRIVED = "CASE WHEN d.state = 'sending' AND d.claim_id IS NOT NULL THEN 1 ELSE d.ambiguous END";

/** A row changes, and so comes back, if and only if it is claimed. */
export const claimConflict = (nowMs: string) => `
  ON CONFLICT (route, source, call_id) DO UPDATE SET
    state = 'sending', claim_id = excluded.claim_id, claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until,
    ambiguous = ${MAY_HAVE_ARRIVED},
    attempts = CASE WHEN d.hash = excluded.hash THEN d.attempts ELSE 0 END,
    aged_ms = CASE WHEN d.hash = excluded.hash THEN d.aged_ms ELSE 0 END, paced = 0, awaits = NULL, replay = 0,
    log_partition = excluded.log_partition, log_offset = excluded.log_offset, hash = excluded.hash, accepted_at = excluded.accepted_at,
    due_at = NULL, error_code = NULL, reason = NULL, body = NULL, updated_at = excluded.updated_at
  WHERE (d.state = 'sending' AND (d.claim_id IS NULL OR d.claimed_until <= ${nowMs}) AND excluded.log_offset >= d.log_offset)
     OR (d.state IN ('delivered', 'waiting', 'dead') AND excluded.log_offset > d.log_offset AND excluded.hash <> d.hash)
     OR (d.state = 'skipped' AND excluded.log_offset > d.log_offset)`;

/** Of a claimed row `d` whose record turned out not to be wanted: what was once delivered stays so, and the next record is judged anew. */
export const SKIPPED_STATE = "CASE WHEN d.receipt IS NULL THEN 'skipped' ELSE 'delivered' END";
export const SKIPPED_HASH = "CASE WHEN d.receipt IS NULL THEN d.hash ELSE 'skipped' END";

/** What was once delivered stays so; an attempt under way is left alone. */
export const skipConflict = (nowMs: string) => `
  ON CONFLICT (route, source, call_id) DO UPDATE SET
    state = ${SKIPPED_STATE}, hash = CASE WHEN d.receipt IS NULL THEN excluded.hash ELSE d.hash END,
    ambiguous = ${MAY_HAVE_ARRIVED}, claim_id = NULL, claimed_by = NULL, claimed_until = 0, due_at = NULL, error_code = NULL, body = NULL,
    reason = excluded.reason,
    aged_ms = 0, paced = 0, awaits = NULL, replay = 0,
    log_partition = excluded.log_partition, log_offset = excluded.log_offset, accepted_at = excluded.accepted_at,
    routes_version = excluded.routes_version, updated_at = excluded.updated_at
  WHERE excluded.log_offset >= d.log_offset AND NOT (d.state = 'sending' AND d.claim_id IS NOT NULL AND d.claimed_until > ${nowMs})`;
