/**
 * What happens to a row that exists already: the claim table and the rule of skips (`claims.ts`), in the SQL that both engines run.
 * The text follows an `INSERT INTO deliveries AS d`; {@link Dialect} has what differs between the engines.
 */
import { VERSION_LENGTH } from "../versions.ts";

export interface Dialect {
  /** The engine's expression for its clock, Unix ms. */
  nowMs: string;
  /** The SHA-256 of a text expression, in hex. */
  sha256(text: string): string;
  /** The last `length` characters of a text. */
  last(text: string, length: number): string;
}

/**
 * An attempt with an unknown end stays ambiguous until a delivery succeeds: only then is it known what the destination has.
 */
const MAY_HAVE_ARRIVED = "CASE WHEN d.state = 'sending' AND d.claim_id IS NOT NULL THEN 1 ELSE d.ambiguous END";

/** `record-order.ts`, of a record `r` (a row or an item of a batch) and the row `d`. */
const isNewer = (r: string) =>
  `((${r}.log_partition = d.log_partition AND ${r}.log_offset > d.log_offset) OR ${r}.accepted_at > d.accepted_at)`;
const isSamePlace = (r: string) => `(${r}.log_partition = d.log_partition AND ${r}.log_offset = d.log_offset)`;
const isOlder = (r: string) => `NOT (${isNewer(r)} OR ${isSamePlace(r)})`;

/**
 * `d.versions`: the first half of the fingerprints of earlier versions, each with a comma behind it; with a question mark instead, the newest
 * one, where the call was delivered before it and the route does not want it.
 */
const MAX_VERSIONS = 100;
const versionOf = (hash: string) => `substr(${hash}, 1, ${VERSION_LENGTH})`;

/** The record's content is that of an earlier version of the call, sent a second time. */
const isEarlierVersion = (r: string) => `(${r}.hash <> d.hash AND d.versions LIKE '%' || ${versionOf(`${r}.hash`)} || ',%')`;

/** The row's versions with one more: the row's own, or a record's. */
function versionsWith(dialect: Dialect, hash: string, mark: "," | "?"): string {
  const all = `replace(d.versions, '?', ',') || ${versionOf(hash)} || '${mark}'`;
  return dialect.last(all, MAX_VERSIONS * (VERSION_LENGTH + 1));
}

/** `skipped` and `forgotten` replace a fingerprint. */
const HAS_FINGERPRINT = "length(d.hash) = 64";

/** The row's versions once a record with that hash replaces its own, which then is an earlier one. */
export const claimedVersions = (hash: string, dialect: Dialect) =>
  `CASE WHEN d.hash <> ${hash} AND ${HAS_FINGERPRINT} THEN ${versionsWith(dialect, "d.hash", ",")}
    WHEN d.hash <> ${hash} THEN replace(d.versions, '?', ',') ELSE d.versions END`;

/** A row changes, and so is returned, if and only if it is claimed. */
export const claimConflict = (dialect: Dialect) => `
  ON CONFLICT (route, source, call_id) DO UPDATE SET
    state = 'sending', claim_id = excluded.claim_id, claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until,
    ambiguous = ${MAY_HAVE_ARRIVED},
    attempts = CASE WHEN d.hash = excluded.hash THEN d.attempts ELSE 0 END,
    aged_ms = CASE WHEN d.hash = excluded.hash THEN d.aged_ms ELSE 0 END, paced = 0, awaits = NULL, replay = 0,
    versions = ${claimedVersions("excluded.hash", dialect)},
    log_partition = excluded.log_partition, log_offset = excluded.log_offset, hash = excluded.hash, accepted_at = excluded.accepted_at,
    due_at = NULL, error_code = NULL, reason = NULL, body = NULL, updated_at = excluded.updated_at
  WHERE NOT ${isEarlierVersion("excluded")} AND (
        (d.state = 'sending' AND (d.claim_id IS NULL OR d.claimed_until <= ${dialect.nowMs}) AND (${isNewer("excluded")} OR ${isSamePlace("excluded")}))
     OR (d.state IN ('delivered', 'waiting', 'dead') AND ${isNewer("excluded")} AND excluded.hash <> d.hash)
     OR (d.state = 'skipped' AND ${isNewer("excluded")}))`;

/** For a claimed row `d` with a record that the route does not want: a delivered row stays delivered, and the next record is matched again. */
export const SKIPPED_STATE = "CASE WHEN d.receipt IS NULL THEN 'skipped' ELSE 'delivered' END";
export const SKIPPED_HASH = "CASE WHEN d.receipt IS NULL THEN d.hash ELSE 'skipped' END";
export const skippedVersions = (dialect: Dialect) =>
  `CASE WHEN d.receipt IS NULL THEN d.versions ELSE ${versionsWith(dialect, "d.hash", "?")} END`;

/** A delivered row stays delivered. A row with an attempt under way, and one that has the record's content already, do not change. */
export const skipConflict = (dialect: Dialect) => `
  ON CONFLICT (route, source, call_id) DO UPDATE SET
    state = ${SKIPPED_STATE}, hash = CASE WHEN d.receipt IS NULL THEN excluded.hash ELSE d.hash END,
    versions = CASE WHEN d.hash = excluded.hash OR ${isSamePlace("excluded")} THEN d.versions
      WHEN d.versions LIKE '%' || ${versionOf("excluded.hash")} || '?' THEN d.versions
      WHEN d.receipt IS NOT NULL THEN ${versionsWith(dialect, "excluded.hash", "?")}
      ELSE ${claimedVersions("excluded.hash", dialect)} END,
    ambiguous = ${MAY_HAVE_ARRIVED}, claim_id = NULL, claimed_by = NULL, claimed_until = 0, due_at = NULL, error_code = NULL, body = NULL,
    reason = excluded.reason,
    aged_ms = 0, paced = 0, awaits = NULL, replay = 0,
    log_partition = excluded.log_partition, log_offset = excluded.log_offset, accepted_at = excluded.accepted_at,
    routes_version = excluded.routes_version, updated_at = excluded.updated_at
  WHERE (${isNewer("excluded")} OR ${isSamePlace("excluded")}) AND NOT ${isEarlierVersion("excluded")}
    AND NOT (d.state = 'sending' AND d.claim_id IS NOT NULL AND d.claimed_until > ${dialect.nowMs})`;

/** Stands for the content of a forgotten call's record, of which not even the version is kept. */
export const NO_CONTENT = "forgotten";

/** The call was forgotten on request; `hash`: an expression for its `forgottenHash`. */
export const isForgotten = (hash: string) => `EXISTS (SELECT 1 FROM forgotten AS f WHERE f.hash = ${hash})`;

/** The same of a row; `row`: its alias and a dot, or nothing where only one table is in sight. */
export const isForgottenRow = ({ sha256 }: Dialect, row: "d." | "") => isForgotten(sha256(`${row}source || '\n' || ${row}call_id`));

/**
 * What the ledger says of a record that changed no row; `items`: a table expression named `item`, with the record's columns as a row has them and
 * the call's `forgotten_hash`.
 */
export const lookAtUnchanged = (items: string, { nowMs }: Dialect) => `
  SELECT item.route, item.source, item.call_id, d.state, d.claim_id IS NOT NULL AS claimed, d.claimed_until - ${nowMs} AS left_ms,
    ${isOlder("item")} AS older, ${isEarlierVersion("item")} AS earlier, ${isForgotten("item.forgotten_hash")} AS forgotten
  FROM ${items} LEFT JOIN deliveries AS d ON d.route = item.route AND d.source = item.source AND d.call_id = item.call_id`;

/** Counts on the row that an earlier version of the call arrived again, and when. The same record read a second time does not count. */
export const noteReturned = (items: string, { nowMs }: Dialect) => `
  UPDATE deliveries AS d SET returned = d.returned + 1, returned_at = ${nowMs} FROM ${items}
  WHERE d.route = item.route AND d.source = item.source AND d.call_id = item.call_id AND ${isEarlierVersion("item")}
    AND (d.log_partition <> item.log_partition OR d.log_offset < item.log_offset)`;

/**
 * An older record was skipped, because a newer one in another partition was read first: its content becomes an earlier version of the call. With the
 * row's own content, it shows when that content first arrived: a record accepted since is newer than the row, even one that is not read yet.
 */
export const noteOlder = (items: string, dialect: Dialect) => {
  const since = (column: string, more = "") => `${column} = CASE WHEN item.hash = d.hash${more} THEN item.${column} ELSE d.${column} END`;
  // An attempt under way keeps the place of its own record, which is read again if the attempt does not end.
  const place = (column: string) => since(column, " AND d.state <> 'sending'");
  return `
  UPDATE deliveries AS d SET ${place("log_partition")}, ${place("log_offset")}, ${since("accepted_at")},
    versions = CASE WHEN item.hash = d.hash THEN d.versions ELSE ${versionsWith(dialect, "item.hash", ",")} END
  FROM ${items} WHERE d.route = item.route AND d.source = item.source AND d.call_id = item.call_id AND ${isOlder("item")}
    AND NOT ${isEarlierVersion("item")}`;
};
