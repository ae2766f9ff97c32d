import type { AwaitingDelivery, DeliveryOutcome, ReceiptLedger } from "../receipts.ts";
import type { DeliveryState } from "../types.ts";
import { recordAction } from "./actions.ts";
import { foundOf, keyOf, placeOf, type Row, receiptOf, toKey } from "./rows.ts";
import { chunks, placeholders, type Sql } from "./sql.ts";

export function receiptQueries(sql: Sql): ReceiptLedger {
  const { all, transaction, nowMs } = sql;
  return {
    async outcomes(keys) {
      const found = new Map<string, DeliveryOutcome>();
      for (const part of chunks(keys)) {
        const rows = await all(
          `SELECT route, source, call_id, state, receipt, log_partition, log_offset, accepted_at FROM deliveries WHERE (route, source, call_id) IN (VALUES ${placeholders(part.length, 3)})`,
          part.flatMap(({ route, source, callId }) => [route, source, callId]),
        );
        for (const row of rows) found.set(keyOf(row), toOutcome(row));
      }
      return keys.map(({ route, source, callId }) => found.get(keyOf({ route, source, call_id: callId })));
    },
    async awaiting({ route, after, limit, from = { source: "", callId: "" } }) {
      const rows = await all(
        `SELECT d.route, d.source, d.call_id, d.log_partition, d.log_offset, d.accepted_at,
           o.state, o.receipt, o.log_partition AS other_partition, o.log_offset AS other_offset, o.accepted_at AS other_accepted_at
         FROM (SELECT source, call_id FROM deliveries WHERE route = $1 AND awaits = $2 AND awaits IS NOT NULL AND state = 'delivered'
                 AND (source, call_id) > ($3, $4) ORDER BY source, call_id LIMIT $5) AS k
         JOIN deliveries AS d ON d.route = $1 AND d.source = k.source AND d.call_id = k.call_id
         LEFT JOIN deliveries AS o ON o.route = $2 AND o.source = k.source AND o.call_id = k.call_id
         ORDER BY d.source, d.call_id`,
        [route, after, from.source, from.callId, limit],
      );
      return rows.map(toAwaiting);
    },
    async adding(route) {
      const [row] = await all("SELECT count(*) AS n FROM deliveries WHERE route = $1 AND replay = 1 AND awaits IS NOT NULL", [route]);
      return Number(row?.n ?? 0);
    },
    awaitNoLonger: (given) =>
      transaction(function* () {
        for (const { route, source, callId, partition, offset } of given)
          yield {
            text: `UPDATE deliveries SET awaits = NULL
              WHERE route = $1 AND source = $2 AND call_id = $3 AND log_partition = $4 AND log_offset = $5 AND state = 'delivered'`,
            values: [route, source, callId, partition, offset],
          };
      }),
    amendReceipt: ({ route, source, callId, from, to, action }) =>
      transaction(function* () {
        const changed = yield {
          text: `UPDATE deliveries SET receipt = $5, found = $6, updated_at = ${nowMs}
            WHERE route = $1 AND source = $2 AND call_id = $3 AND state = 'delivered' AND receipt = $4 RETURNING route`,
          values: [route, source, callId, JSON.stringify(from), JSON.stringify(to), foundOf(to)],
        };
        if (changed.length > 0 && action) yield* recordAction(sql, action);
        return changed.length > 0;
      }),
  };
}

function toOutcome(row: Row): DeliveryOutcome {
  return { state: String(row.state) as DeliveryState, place: placeOf(row), receipt: receiptOf(row.receipt) };
}

function toAwaiting(row: Row): AwaitingDelivery {
  return {
    ...toKey(row),
    ...placeOf(row),
    other: row.state === null ? undefined : toOutcome({ ...row, ...otherPlace(row) }),
  };
}

const otherPlace = (row: Row): Row => ({
  log_partition: row.other_partition,
  log_offset: row.other_offset,
  accepted_at: row.other_accepted_at,
});
