/**
 * Actions, each sealed with the one before it: a row that is changed, or taken out, no longer fits. For both engines. Who may write the table may
 * seal all of it once more: a head that was written down elsewhere (a backup's manifest has one) tells that too.
 */
import { hash } from "node:crypto";
import { systemUser } from "../lib/process/system-user.ts";
import type { Action, ControlLedger, SealedAction } from "./controls.ts";
import type { Row } from "./rows.ts";
import type { Sql, Statement } from "./sql.ts";

type Noted = Pick<Action, "by" | "route" | "action" | "detail">;

/** What a seal covers beside number, time and the seal before: one digest for each text, so that none can be moved into another. */
export function digestsOf({ by, system, route, action, detail }: Omit<Action, "at">): string {
  return [by, system, route, action, detail].map((text) => hash("sha256", text)).join("");
}

/** As {@link noteStatements} has it in SQL. */
export function sealOf({ before, seq, at, digests }: { before: string; seq: number; at: number; digests: string }): string {
  return hash("sha256", `${before}.${seq}.${at}.${digests}`);
}

/** To be run in one transaction, with what is noted: two processes that note at once come one after the other. */
export function noteStatements(sql: Pick<Sql, "nowMs" | "sha256" | "oneNotesAtATime">, noted: Noted): Statement[] {
  const { nowMs, sha256, oneNotesAtATime } = sql;
  const texts = { ...noted, system: systemUser() };
  for (const [name, text] of Object.entries(texts)) Object.assign(texts, { [name]: text.replaceAll("\0", "\u2400").toWellFormed() });
  const { by, system, route, action, detail } = texts;
  return [
    ...oneNotesAtATime,
    {
      text: `WITH last AS MATERIALIZED (
          SELECT coalesce((SELECT max(seq) FROM actions), 0) + 1 AS seq, coalesce((SELECT seal FROM actions WHERE seq = (SELECT max(seq) FROM actions)), '') AS seal,
            ${nowMs} AS now)
        INSERT INTO actions (seq, at, by_whom, by_system, route, action, detail, seal)
        SELECT seq, now, CAST($1 AS text), CAST($2 AS text), CAST($3 AS text), CAST($4 AS text), CAST($5 AS text),
          ${sha256("seal || '.' || seq || '.' || now || '.' || CAST($6 AS text)")} FROM last`,
      values: [by, system, route, action, detail, digestsOf(texts)],
    },
    {
      text: `INSERT INTO meta (key, value) SELECT '${HEAD}', seq || '-' || seal FROM actions WHERE seq = (SELECT max(seq) FROM actions)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    },
  ];
}

/** Where the newest is remembered beside the table, so that the last ones are missed too. */
const HEAD = "actions_head";

export function actionQueries(sql: Sql): Pick<ControlLedger, "note" | "actions" | "sealedActions" | "actionsHead"> {
  const { all, transaction } = sql;
  return {
    note: async (noted) => void (await transaction(noteStatements(sql, noted))),
    async actions({ route, limit }) {
      const rows = await all(
        `SELECT at, by_whom, by_system, route, action, detail FROM actions ${route === undefined ? "" : "WHERE route = $2"} ORDER BY at DESC, seq DESC LIMIT $1`,
        route === undefined ? [limit] : [limit, route],
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
      const [head] = await all("SELECT value FROM meta WHERE key = $1", [HEAD]);
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

/** For the migration: the actions that were noted before there were seals, oldest first, each with its number and seal. */
export function sealsOfOld(actions: Omit<Action, "system">[]): { seq: number; seal: string }[] {
  let before = "";
  return actions.map((one, index) => {
    const seq = index + 1;
    before = sealOf({ before, seq, at: one.at, digests: digestsOf({ ...one, system: "" }) });
    return { seq, seal: before };
  });
}

export const SEALED_HEAD = HEAD;
