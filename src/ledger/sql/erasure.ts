import { FORGOTTEN_REASON } from "../forgotten.ts";
import type { ErasureLedger } from "../operations.ts";
import { recordAction } from "./actions.ts";
import { NO_CLAIM, toKey } from "./rows.ts";
import { chunks, type Sql, type Statement } from "./sql.ts";

const FIRST_KEY = { route: "", source: "", callId: "" };
/** Of a forgotten call's hash: enough to find the action by, in people's eyes. */
const SHOWN_OF_HASH = 12;

export function erasureQueries(sql: Sql): ErasureLedger {
  const { all, transaction, nowMs } = sql;
  const forbid = (hash: string): Statement => ({
    text: `INSERT INTO forgotten (hash, at) VALUES ($1, ${nowMs}) ON CONFLICT (hash) DO NOTHING`,
    values: [hash],
  });

  return {
    async forbid(hash) {
      const { text, values } = forbid(hash);
      await all(text, values);
    },
    async forgottenAmong(hashes) {
      const found = new Set<string>();
      for (const part of chunks(hashes)) {
        const rows = await all(`SELECT hash FROM forgotten WHERE hash IN (${part.map((_, index) => `$${index + 1}`).join(", ")})`, part);
        for (const { hash } of rows) found.add(String(hash));
      }
      return found;
    },
    async bodies({ after = FIRST_KEY, limit }) {
      const rows = await all(
        `SELECT route, source, call_id, body FROM deliveries WHERE body IS NOT NULL AND (route, source, call_id) > ($1, $2, $3)
         ORDER BY route, source, call_id LIMIT $4`,
        [after.route, after.source, after.callId, limit],
      );
      return rows.map((row) => ({ ...toKey(row), body: row.body as Uint8Array }));
    },
    async keys({ after = FIRST_KEY, limit }) {
      const rows = await all(
        `SELECT route, source, call_id FROM deliveries WHERE (route, source, call_id) > ($1, $2, $3) ORDER BY route, source, call_id LIMIT $4`,
        [after.route, after.source, after.callId, limit],
      );
      return rows.map(toKey);
    },
    forget: ({ source, callId, hash, keepReceipts = [], by }) =>
      transaction(function* () {
        yield forbid(hash);
        const rows = yield {
          text: `UPDATE deliveries SET state = 'skipped', reason = '${FORGOTTEN_REASON}', receipt = ${keptReceipt(keepReceipts)}, found = NULL, awaits = NULL,
              sent_fields = '[]', body = NULL, error_code = NULL, versions = '', returned = 0, returned_at = NULL, due_at = NULL, ambiguous = 0,
              replay = 0, hash = 'forgotten', ${NO_CLAIM}, updated_at = ${nowMs}
            WHERE source = $1 AND call_id = $2 RETURNING route`,
          values: [source, callId, ...keepReceipts],
        };
        if (by !== undefined) yield* recordAction(sql, { by, route: "", action: "forget", detail: hash.slice(0, SHOWN_OF_HASH) });
        return rows.length;
      }),
    expire: ({ deadBodyMs, rowMs }) =>
      transaction(function* () {
        const bodies = yield {
          text: `UPDATE deliveries SET body = NULL
            WHERE state = 'dead' AND body IS NOT NULL AND updated_at < ${nowMs} - CAST($1 AS bigint) RETURNING route`,
          values: [deadBodyMs],
        };
        // What they were sent without can come of a replayed dead letter, as long as those are kept.
        yield {
          text: `UPDATE deliveries SET awaits = NULL WHERE awaits IS NOT NULL AND updated_at < ${nowMs} - CAST($1 AS bigint)`,
          values: [deadBodyMs],
        };
        const rows = yield {
          text: `DELETE FROM deliveries
            WHERE state IN ('delivered', 'skipped', 'dead') AND updated_at < ${nowMs} - CAST($1 AS bigint) RETURNING route`,
          values: [rowMs],
        };
        return { bodies: bodies.length, rows: rows.length };
      }),
  };
}

/** The receipts of these routes, parameters from `$3` on, stay. */
function keptReceipt(routes: string[]): string {
  if (routes.length === 0) return "NULL";
  return `CASE WHEN route IN (${routes.map((_, index) => `$${index + 3}`).join(", ")}) THEN receipt END`;
}
