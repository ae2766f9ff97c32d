/**
 * Seals of actions, each made with the one before it: a row that is changed, or removed, no longer fits. A program that may write the table may
 * seal all of it again: a head that was written down elsewhere (a backup's manifest has one) shows that too.
 */
import { hash } from "node:crypto";
import type { Action } from "./actions.ts";

/** What a seal covers beside number, time and the seal before: one digest for each text, so that none can be moved into another. */
export function digestsOf({ by, system, route, action, detail }: Omit<Action, "at">): string {
  return [by, system, route, action, detail].map((text) => hash("sha256", text)).join("");
}

/** As `recordAction` of `sql/actions.ts` has it in SQL. */
export function sealOf({ before, seq, at, digests }: { before: string; seq: number; at: number; digests: string }): string {
  return hash("sha256", `${before}.${seq}.${at}.${digests}`);
}

/** For the migration: the actions of the time before there were seals, oldest first, each with its number and seal. */
export function sealsOfOld(actions: Omit<Action, "system">[]): { seq: number; seal: string }[] {
  let before = "";
  return actions.map((one, index) => {
    const seq = index + 1;
    before = sealOf({ before, seq, at: one.at, digests: digestsOf({ ...one, system: "" }) });
    return { seq, seal: before };
  });
}

/** The key in `meta` of the newest action's seal. It lies beside the table, so that the last actions are missed too. */
export const SEALED_HEAD = "actions_head";
