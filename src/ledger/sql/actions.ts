import { systemUser } from "../../lib/process/system-user.ts";
import type { Action, ActionLedger, NewAction, SealedAction } from "../actions.ts";
import { digestsOf, SEALED_HEAD } from "../seals.ts";
import type { Row } from "./rows.ts";
import { type Sql, type Steps, whereOf } from "./sql.ts";

/**
 * The steps that record an action, in the transaction of what it is about. They come last there: the lock that they take lasts until it ends,
 * and a transaction that held it while it waited for a row would be a deadlock.
 */
export function* recordAction(sql: Pick<Sql, "nowMs" | "sha256" | "lockActions">, recorded: NewAction): Steps<void> {
  const { nowMs, sha256, lockActions } = sql;
  const texts = { ...recorded, system: systemUser() };
  for (const [name, text] of Object.entries(texts)) Object.assign(texts, { [name]: text.replaceAll("\0", "\u2400").toWellFormed() });
  const { by, system, route, action, detail } = texts;
  yield* lockActions;
  yield {
    text: `WITH last AS MATERIALIZED (
        SELECT coalesce((SELECT max(seq) FROM actions), 0) + 1 AS seq, coalesce((SELECT seal FROM actions WHERE seq = (SELECT max(seq) FROM actions)), '') AS seal,
          ${nowMs} AS now)
      INSERT INTO actions (seq, at, by_whom, by_system, route, action, detail, seal)
      SELECT seq, now, CAST($1 AS text), CAST($2 AS text), CAST($3 AS text), CAST($4 AS text), CAST($5 AS text),
        ${sha256("seal || '.' || seq || '.' || now || '.' || CAST($6 AS text)")} FROM last`,
    values: [by, system, route, action, detail, digestsOf(texts)],
  };
  yield {
    text: `INSERT INTO meta (key, value) SELECT '${SEALED_HEAD}', seq || '-' || seal FROM actions WHERE seq = (SELECT max(seq) FROM actions)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
  };
}

export function actionQueries(sql: Sql): ActionLedger {
  const { all, transaction } = sql;
  return {
    note: (action) => transaction(() => recordAction(sql, action)),
    async actions({ route, action, limit }) {
      const { where, values } = whereOf({ "route =": route, "action =": action });
      const rows = await all(
        `SELECT at, by_whom, by_system, route, action, detail FROM actions WHERE ${where} ORDER BY at DESC, seq DESC LIMIT $${values.length + 1}`,
        [...values, limit],
      );
      return rows.map(toAction);
    },
    async sealedActions({ after, limit }) {
      const rows = await all(
        "SELECT seq, seal, at, by_whom, by_system, route, action, detail FROM actions WHERE seq > $1 ORDER BY seq LIMIT $2",
        [after, limit],
      );
      return rows.map((row): SealedAction => ({ ...toAction(row), seq: Number(row.seq), seal: String(row.seal) }));
    },
    async actionsHead() {
      const [head] = await all("SELECT value FROM meta WHERE key = $1", [SEALED_HEAD]);
      const [unsealed] = await all("SELECT count(*) AS n FROM actions WHERE seq IS NULL");
      const [, seq, seal] = /^(\d+)-(\w+)$/.exec(String(head?.value ?? "")) ?? [];
      return { seq: Number(seq ?? 0), seal: seal ?? "", unsealed: Number(unsealed?.n) };
    },
  };
}

function toAction(row: Row): Action {
  return {
    at: Number(row.at),
    by: String(row.by_whom),
    system: String(row.by_system),
    route: String(row.route),
    action: String(row.action),
    detail: String(row.detail),
  };
}
