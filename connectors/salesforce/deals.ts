import { z } from "zod";
import { createExpiringCache } from "../../src/connector.ts";
import type { Session } from "./session.ts";
import { listed, query } from "./soql.ts";

/** The newest open Opportunity of each of several Accounts, by the Account's id. @throws as {@link Session.request} */
export type DealsOf = (accountIds: readonly string[], signal: AbortSignal) => Promise<Map<string, string>>;

/** Short: a deal that was just won must not get the next call. */
const KNOWN_FOR_MS = 60_000;
const MAX_ACCOUNTS = 5_000;
const PER_QUERY = 200;

const row = z.object({ Id: z.string(), AccountId: z.string().nullish() });

export function createDeals(options: { session: Session }): DealsOf {
  const { session } = options;
  const cache = createExpiringCache<string>({ maxEntries: MAX_ACCOUNTS });
  return async (accountIds, signal) => {
    const asked = [...new Set(accountIds)].filter((id) => cache.get(id) === undefined).slice(0, PER_QUERY);
    if (asked.length > 0) {
      const soql = `SELECT Id, AccountId FROM Opportunity WHERE IsClosed = false AND AccountId IN ${listed(asked)} ORDER BY CreatedDate DESC LIMIT 2000`;
      const newestLast = (await query({ session, soql, row, signal })).toReversed();
      const newest = new Map(newestLast.map(({ Id, AccountId }) => [AccountId ?? "", Id]));
      for (const id of asked) cache.set(id, newest.get(id) ?? "", KNOWN_FOR_MS);
    }
    return new Map(
      accountIds.flatMap((id) => {
        const deal = cache.get(id);
        return deal ? [[id, deal]] : [];
      }),
    );
  };
}
