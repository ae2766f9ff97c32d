import { forgottenHash } from "../forgotten.ts";
import type { ReplayAnswer, ReplayItem, ReplayLedger } from "../operations.ts";
import { isNewer } from "../record-order.ts";
import type { DeliveryState } from "../types.ts";
import type { ViewLedger } from "../views.ts";
import { recordAction } from "./actions.ts";
import { claimedVersions, isForgotten } from "./conflicts.ts";
import { FROM_THE_START, NO_CLAIM, placeOf, type Row, THIS_ROW } from "./rows.ts";
import type { Sql, SqlValue } from "./sql.ts";

/** The row's record is not newer than the item's (`record-order.ts`): partition `$4`, offset `$5`, accepted at `$7`. */
const NOT_NEWER = "NOT ((d.log_partition = $4 AND d.log_offset > $5) OR d.accepted_at > $7)";

export function replayQueries(sql: Sql, fingerprint: ViewLedger["fingerprint"]): ReplayLedger {
  const { all, transaction, nowMs, bytes } = sql;

  async function enqueueOne(item: ReplayItem, dueInMs: number, only: "all" | "failed", again: boolean): Promise<ReplayAnswer> {
    const { route, source, callId, partition, offset, acceptedAt, body } = item;
    const values: SqlValue[] = [
      route,
      source,
      callId,
      partition,
      offset,
      fingerprint(item.hash),
      acceptedAt,
      Math.round(dueInMs),
      body,
      forgottenHash(source, callId),
    ];
    const wanted = `state = 'waiting', log_partition = $4, log_offset = $5, hash = $6, versions = ${claimedVersions("$6", sql)}, accepted_at = $7, due_at = ${nowMs} + CAST($8 AS bigint),
      body = $9, ${FROM_THE_START}, reason = NULL, ${NO_CLAIM}, updated_at = ${nowMs}`;
    const remembered = `NOT ${isForgotten("$10")}`;
    const delivered = again ? "OR d.state = 'delivered'" : "OR (d.state = 'delivered' AND d.hash <> $6)";
    const changed =
      only === "failed"
        ? await all(
            `UPDATE deliveries AS d SET ${wanted} WHERE ${THIS_ROW} AND state = 'dead' AND ${NOT_NEWER} AND ${remembered} RETURNING route`,
            values,
          )
        : await all(
            `INSERT INTO deliveries AS d (route, source, call_id, state, log_partition, log_offset, hash, accepted_at, due_at, body, replay, updated_at)
             SELECT CAST($1 AS text), CAST($2 AS text), CAST($3 AS text), 'waiting', CAST($4 AS integer), CAST($5 AS bigint), CAST($6 AS text),
               CAST($7 AS bigint), ${nowMs} + CAST($8 AS bigint), ${bytes("$9")}, 1, ${nowMs} WHERE ${remembered}
             ON CONFLICT (route, source, call_id) DO UPDATE SET ${wanted}
             WHERE ${NOT_NEWER} AND (d.state IN ('dead', 'skipped') ${delivered}) RETURNING route`,
            values,
          );
    if (changed.length > 0) return "queued";
    const [row] = await all(`SELECT state, log_partition, log_offset, accepted_at FROM deliveries WHERE ${THIS_ROW}`, [
      route,
      source,
      callId,
    ]);
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
    saveReplay: ({ id, spec, action }) =>
      transaction(function* () {
        yield {
          text: `INSERT INTO replays (id, spec, updated_at) VALUES ($1, $2, ${nowMs})
            ON CONFLICT (id) DO UPDATE SET spec = excluded.spec, updated_at = excluded.updated_at`,
          values: [id, spec],
        };
        if (action) yield* recordAction(sql, action);
      }),
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
