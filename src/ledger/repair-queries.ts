/** `repairs.ts` for both engines. */

import { noteStatements } from "./actions.ts";
import { claimedVersions, versionsIn } from "./conflicts.ts";
import type { DeliveryKey, DeliveryState, Ledger } from "./ledger.ts";
import { isNewer } from "./record-order.ts";
import type { DeadFilter, RepairLedger, ReplayAnswer, ReplayItem, RowProof } from "./repairs.ts";
import { MAX_REASON_LENGTH, placeOf, type Row, toDeliveryRow } from "./rows.ts";
import { placeholders, type Sql, type SqlValue } from "./sql.ts";

const NO_CLAIM = "claim_id = NULL, claimed_by = NULL, claimed_until = 0";
const AFRESH = "attempts = 0, aged_ms = 0, paced = 0, replay = 1, error_code = NULL";
const THIS = "route = $1 AND source = $2 AND call_id = $3";
const MAX_PROOFS = 200;
/** The row's record is not newer than the item's (`record-order.ts`): partition `$4`, offset `$5`, accepted at `$7`. */
const NOT_NEWER = "NOT ((d.log_partition = $4 AND d.log_offset > $5) OR d.accepted_at > $7)";

export function repairQueries(sql: Sql, fingerprint: Ledger["fingerprint"]): RepairLedger {
  return { ...deadLetters(sql), ...replays(sql, fingerprint), ...wholeRoutes(sql), ...keeping(sql) };
}

type DeadPart = Pick<RepairLedger, "dead" | "body" | "replayDead" | "discardDead">;
function deadLetters({ all, nowMs }: Sql): DeadPart {
  return {
    async dead({ filter, limit }) {
      const { conditions, values } = conditionsOf(filter);
      const rows = await all(
        `SELECT * FROM deliveries WHERE state = 'dead' AND ${conditions.join(" AND ") || "1 = 1"} ORDER BY updated_at, route LIMIT $${values.length + 1}`,
        [...values, limit],
      );
      return rows.map(toDeliveryRow);
    },
    async body({ route, source, callId }) {
      const [row] = await all(`SELECT body FROM deliveries WHERE ${THIS}`, [route, source, callId]);
      return (row?.body as Uint8Array | null | undefined) ?? undefined;
    },
    async replayDead({ keys, everyMs, routesVersion }) {
      let changed = 0;
      for (const [index, { route, source, callId }] of keys.entries()) {
        const rows = await all(
          `UPDATE deliveries SET state = 'waiting', due_at = ${nowMs} + CAST($4 AS bigint), ${AFRESH}, routes_version = $5, updated_at = ${nowMs}
           WHERE ${THIS} AND state = 'dead' AND body IS NOT NULL RETURNING route`,
          [route, source, callId, Math.round(index * everyMs), routesVersion],
        );
        changed += rows.length;
      }
      return changed;
    },
    async discardDead({ keys, reason }) {
      let changed = 0;
      for (const { route, source, callId } of keys) {
        const rows = await all(
          `UPDATE deliveries SET state = CASE WHEN receipt IS NULL THEN 'skipped' ELSE 'delivered' END, reason = $4, error_code = NULL, body = NULL,
           updated_at = ${nowMs} WHERE ${THIS} AND state = 'dead' RETURNING route`,
          [route, source, callId, reason.slice(0, MAX_REASON_LENGTH)],
        );
        changed += rows.length;
      }
      return changed;
    },
  };
}

function conditionsOf(filter: DeadFilter): { conditions: string[]; values: SqlValue[] } {
  const { route, source, callId, errorCode, since, until } = filter;
  const asked: [string, SqlValue | undefined][] = [
    ["route =", route],
    ["source =", source],
    ["call_id =", callId],
    ["error_code =", errorCode],
    ["updated_at >=", since],
    ["updated_at <", until],
  ];
  const set = asked.filter((one): one is [string, SqlValue] => one[1] !== undefined);
  return { conditions: set.map(([left], index) => `${left} $${index + 1}`), values: set.map(([, value]) => value) };
}

type ReplayPart = Pick<RepairLedger, "enqueue" | "replaying" | "saveReplay" | "replay" | "replays">;
function replays({ all, nowMs, last }: Sql, fingerprint: Ledger["fingerprint"]): ReplayPart {
  async function enqueueOne(item: ReplayItem, dueInMs: number, only: "all" | "failed", again: boolean): Promise<ReplayAnswer> {
    const { route, source, callId, partition, offset, acceptedAt, body } = item;
    const values: SqlValue[] = [route, source, callId, partition, offset, fingerprint(item.hash), acceptedAt, Math.round(dueInMs), body];
    const wanted = `state = 'waiting', log_partition = $4, log_offset = $5, hash = $6, versions = ${claimedVersions("$6", { nowMs, last })}, accepted_at = $7, due_at = ${nowMs} + CAST($8 AS bigint),
      body = $9, ${AFRESH}, reason = NULL, ${NO_CLAIM}, updated_at = ${nowMs}`;
    const delivered = again ? "OR d.state = 'delivered'" : "OR (d.state = 'delivered' AND d.hash <> $6)";
    const changed =
      only === "failed"
        ? await all(`UPDATE deliveries AS d SET ${wanted} WHERE ${THIS} AND state = 'dead' AND ${NOT_NEWER} RETURNING route`, values)
        : await all(
            `INSERT INTO deliveries AS d (route, source, call_id, state, log_partition, log_offset, hash, accepted_at, due_at, body, replay, updated_at)
             VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7, ${nowMs} + CAST($8 AS bigint), $9, 1, ${nowMs})
             ON CONFLICT (route, source, call_id) DO UPDATE SET ${wanted}
             WHERE ${NOT_NEWER} AND (d.state IN ('dead', 'skipped') ${delivered}) RETURNING route`,
            values,
          );
    if (changed.length > 0) return "queued";
    const [row] = await all(`SELECT state, log_partition, log_offset, accepted_at FROM deliveries WHERE ${THIS}`, [route, source, callId]);
    if (row === undefined) return "skipped";
    const state = String(row.state) as DeliveryState;
    if (state === "waiting" || state === "sending") return "open";
    return isNewer(placeOf(row), item) ? "newer" : state;
  }

  return {
    async enqueue({ items, dueInMs, only, again }) {
      const answers: ReplayAnswer[] = [];
      for (const item of items) answers.push(await enqueueOne(item, dueInMs, only, again));
      return answers;
    },
    async replaying(route) {
      return Number((await all("SELECT count(*) AS n FROM deliveries WHERE route = $1 AND replay = 1", [route]))[0]?.n ?? 0);
    },
    async saveReplay({ id, spec }) {
      await all(
        `INSERT INTO replays (id, spec, updated_at) VALUES ($1, $2, ${nowMs})
         ON CONFLICT (id) DO UPDATE SET spec = excluded.spec, updated_at = excluded.updated_at`,
        [id, spec],
      );
    },
    async replay(id) {
      const [row] = await all("SELECT id, spec, updated_at FROM replays WHERE id = $1", [id]);
      return row && toReplay(row);
    },
    async replays() {
      return (await all("SELECT id, spec, updated_at FROM replays ORDER BY updated_at DESC LIMIT 20")).map(toReplay);
    },
  };
}

function toReplay(row: Row) {
  return { id: String(row.id), spec: String(row.spec), updatedAt: Number(row.updated_at) };
}

type RoutePart = Pick<RepairLedger, "proofs" | "knownRoutes" | "renameRoute" | "retireRoute">;
function wholeRoutes(sql: Sql): RoutePart {
  const { all, transaction, nowMs } = sql;
  return {
    async proofs({ route, keys }) {
      const found: RowProof[] = [];
      for (let from = 0; from < keys.length; from += MAX_PROOFS) {
        const part = keys.slice(from, from + MAX_PROOFS);
        const rows = await all(
          `SELECT route, source, call_id, log_partition, log_offset, accepted_at, state, hash, versions, body IS NOT NULL AS has_body,
             CASE WHEN claim_id IS NULL THEN NULL ELSE claimed_until - ${nowMs} END AS left_ms
           FROM deliveries WHERE route = $1 AND (source, call_id) IN (VALUES ${placeholders(part.length, 2, 1)})`,
          [route, ...part.flatMap(({ source, callId }) => [source, callId])],
        );
        found.push(...rows.map(toProof));
      }
      return found;
    },
    async knownRoutes() {
      const rows = await all(
        "SELECT route FROM route_state WHERE start IS NOT NULL UNION SELECT DISTINCT route FROM deliveries ORDER BY 1",
      );
      return rows.map(({ route }) => String(route));
    },
    async renameRoute({ from, to }) {
      const [moved = [], , , state = []] = await transaction([
        {
          text: `UPDATE deliveries SET route = $2 WHERE route = $1 AND NOT EXISTS (
            SELECT 1 FROM deliveries AS n WHERE n.route = $2 AND n.source = deliveries.source AND n.call_id = deliveries.call_id) RETURNING route`,
          values: [from, to],
        },
        { text: "DELETE FROM deliveries WHERE route = $1", values: [from] },
        { text: "UPDATE deliveries SET awaits = $2 WHERE awaits = $1", values: [from, to] },
        {
          text: `INSERT INTO route_state AS r (route, start, pause, skip_before, skip_reason)
              SELECT $2, start, pause, skip_before, skip_reason FROM route_state WHERE route = $1 AND route <> $2
            ON CONFLICT (route) DO UPDATE SET start = excluded.start, pause = excluded.pause, skip_before = excluded.skip_before,
              skip_reason = excluded.skip_reason RETURNING route`,
          values: [from, to],
        },
        {
          text: `INSERT INTO route_positions AS p (route, log_partition, log_offset)
              SELECT $2, log_partition, log_offset FROM route_positions WHERE route = $1
            ON CONFLICT (route, log_partition) DO UPDATE SET log_offset = excluded.log_offset`,
          values: [from, to],
        },
        {
          text: `INSERT INTO lost_ranges (route, log_partition, from_offset, to_offset, at, kind, reason, accepted_at)
              SELECT $2, log_partition, from_offset, to_offset, at, kind, reason, accepted_at FROM lost_ranges WHERE route = $1
            ON CONFLICT (route, log_partition, from_offset) DO NOTHING`,
          values: [from, to],
        },
        { text: "DELETE FROM lost_ranges WHERE route = $1", values: [from] },
        { text: "DELETE FROM route_positions WHERE route = $1", values: [from] },
        { text: "DELETE FROM route_state WHERE route = $1", values: [from] },
      ]);
      return moved.length > 0 || state.length > 0;
    },
    async retireRoute({ route, by }) {
      const [gone = []] = await transaction([
        { text: "DELETE FROM deliveries WHERE route = $1 RETURNING route", values: [route] },
        { text: "UPDATE deliveries SET awaits = NULL WHERE awaits = $1", values: [route] },
        { text: "DELETE FROM lost_ranges WHERE route = $1", values: [route] },
        { text: "DELETE FROM route_positions WHERE route = $1", values: [route] },
        { text: "DELETE FROM route_state WHERE route = $1", values: [route] },
      ]);
      await transaction(noteStatements(sql, { by, route, action: "retire", detail: `${gone.length} rows removed` }));
      return gone.length;
    },
  };
}

function toProof(row: Row): RowProof {
  return {
    route: String(row.route),
    source: String(row.source),
    callId: String(row.call_id),
    ...placeOf(row),
    state: String(row.state) as DeliveryState,
    hash: String(row.hash),
    earlier: versionsIn(String(row.versions)),
    hasBody: row.has_body === true || row.has_body === 1,
    claimLeftMs: row.left_ms === null ? undefined : Number(row.left_ms),
  };
}

/** Of these routes, parameters from `$3` on, the receipt stays. */
function kept(routes: string[]): string {
  if (routes.length === 0) return "NULL";
  return `CASE WHEN route IN (${routes.map((_, index) => `$${index + 3}`).join(", ")}) THEN receipt END`;
}

function toKey({ route, source, call_id }: Row): DeliveryKey {
  return { route: String(route), source: String(source), callId: String(call_id) };
}

function keeping({ all, nowMs }: Sql): Pick<RepairLedger, "bodies" | "keys" | "forbid" | "forget" | "expire"> {
  async function forbid(hash: string): Promise<void> {
    await all(`INSERT INTO forgotten (hash, at) VALUES ($1, ${nowMs}) ON CONFLICT (hash) DO NOTHING`, [hash]);
  }

  return {
    forbid,
    async bodies({ after = { route: "", source: "", callId: "" }, limit }) {
      const rows = await all(
        `SELECT route, source, call_id, body FROM deliveries WHERE body IS NOT NULL AND (route, source, call_id) > ($1, $2, $3)
         ORDER BY route, source, call_id LIMIT $4`,
        [after.route, after.source, after.callId, limit],
      );
      return rows.map((row) => ({ ...toKey(row), body: row.body as Uint8Array }));
    },
    async keys({ after = { route: "", source: "", callId: "" }, limit }) {
      const rows = await all(
        `SELECT route, source, call_id FROM deliveries WHERE (route, source, call_id) > ($1, $2, $3) ORDER BY route, source, call_id LIMIT $4`,
        [after.route, after.source, after.callId, limit],
      );
      return rows.map(toKey);
    },
    async forget({ source, callId, hash, keepReceipts = [] }) {
      await forbid(hash);
      const rows = await all(
        `UPDATE deliveries SET state = 'skipped', reason = 'forgotten on request', receipt = ${kept(keepReceipts)}, found = NULL, awaits = NULL, sent_fields = '[]', body = NULL,
           error_code = NULL, versions = '', returned = 0, returned_at = NULL,
           due_at = NULL, ambiguous = 0, replay = 0, hash = 'forgotten', ${NO_CLAIM}, updated_at = ${nowMs}
         WHERE source = $1 AND call_id = $2 RETURNING route`,
        [source, callId, ...keepReceipts],
      );
      return rows.length;
    },
    async expire({ deadBodyMs, rowMs }) {
      const bodies = await all(
        `UPDATE deliveries SET body = NULL WHERE state = 'dead' AND body IS NOT NULL AND updated_at < ${nowMs} - CAST($1 AS bigint) RETURNING route`,
        [deadBodyMs],
      );
      // What they went without can come of a replayed dead letter, as long as those are kept.
      await all(`UPDATE deliveries SET awaits = NULL WHERE awaits IS NOT NULL AND updated_at < ${nowMs} - CAST($1 AS bigint)`, [
        deadBodyMs,
      ]);
      const rows = await all(
        `DELETE FROM deliveries WHERE state IN ('delivered', 'skipped', 'dead') AND updated_at < ${nowMs} - CAST($1 AS bigint) RETURNING route`,
        [rowMs],
      );
      return { bodies: bodies.length, rows: rows.length };
    },
  };
}
