import type { DeadLetterLedger } from "../operations.ts";
import type { DeliveryKey } from "../types.ts";
import { recordAction } from "./actions.ts";
import { FROM_THE_START, MAX_REASON_LENGTH, THIS_ROW, toDeliveryRow } from "./rows.ts";
import { type Sql, type SqlValue, type Steps, whereOf } from "./sql.ts";

export function deadLetterQueries(sql: Sql): DeadLetterLedger {
  const { all, transaction, nowMs } = sql;

  /** Changes each row by itself, then records what was changed of each route. */
  function* changeEach(options: {
    keys: DeliveryKey[];
    update: string;
    valuesOf(index: number): SqlValue[];
    action: string;
    by: string | undefined;
    why: string;
  }): Steps<number> {
    const { keys, update, valuesOf, action, by, why } = options;
    const changed: string[] = [];
    for (const [index, { route, source, callId }] of keys.entries()) {
      const rows = yield { text: update, values: [route, source, callId, ...valuesOf(index)] };
      if (rows.length > 0) changed.push(route);
    }
    for (const [route, { length }] of Map.groupBy(by === undefined ? [] : changed, (one) => one))
      yield* recordAction(sql, { by: by ?? "", route, action, detail: `${length} dead letter${length === 1 ? "" : "s"}${why}` });
    return changed.length;
  }

  return {
    async dead({ filter: { route, source, callId, errorCode, since, until }, limit }) {
      const { where, values } = whereOf({
        "route =": route,
        "source =": source,
        "call_id =": callId,
        "error_code =": errorCode,
        "updated_at >=": since,
        "updated_at <": until,
      });
      const rows = await all(
        `SELECT * FROM deliveries WHERE state = 'dead' AND ${where} ORDER BY updated_at, route LIMIT $${values.length + 1}`,
        [...values, limit],
      );
      return rows.map(toDeliveryRow);
    },
    async body({ route, source, callId }) {
      const [row] = await all(`SELECT body FROM deliveries WHERE ${THIS_ROW}`, [route, source, callId]);
      return (row?.body as Uint8Array | null | undefined) ?? undefined;
    },
    replayDead: ({ keys, everyMs, routesVersion, by }) =>
      transaction(() =>
        changeEach({
          keys,
          update: `UPDATE deliveries SET state = 'waiting', due_at = ${nowMs} + CAST($4 AS bigint), ${FROM_THE_START}, routes_version = $5, updated_at = ${nowMs}
            WHERE ${THIS_ROW} AND state = 'dead' AND body IS NOT NULL RETURNING route`,
          valuesOf: (index) => [Math.round(index * everyMs), routesVersion],
          action: "replay",
          by,
          why: "",
        }),
      ),
    discardDead: ({ keys, reason, by }) =>
      transaction(() =>
        changeEach({
          keys,
          update: `UPDATE deliveries SET state = CASE WHEN receipt IS NULL THEN 'skipped' ELSE 'delivered' END, reason = $4, error_code = NULL,
            body = NULL, updated_at = ${nowMs} WHERE ${THIS_ROW} AND state = 'dead' RETURNING route`,
          valuesOf: () => [(by === undefined ? reason : `discarded by ${by}: ${reason}`).slice(0, MAX_REASON_LENGTH)],
          action: "discard",
          by,
          why: `: ${reason}`,
        }),
      ),
  };
}
