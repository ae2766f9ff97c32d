import { z } from "zod";
import { createExpiringCache } from "../../../src/connector/index.ts";
import type { Session } from "../client.ts";
import { listed, query } from "../soql.ts";

export interface Deals {
  /** The newest open Opportunity of each of several Accounts, by the Account's id. @throws as {@link Session.request} */
  newestOf(accountIds: readonly string[], signal: AbortSignal): Promise<Map<string, string>>;
  /** It is not what it was: ask again next time. */
  forget(accountId: string): void;
}

/** Short: a deal that was just won must not get the next call. */
const KNOWN_FOR_MS = 60_000;
const MAX_ACCOUNTS = 5_000;
const PER_QUERY = 200;

const row = z.object({ Id: z.string(), Opportunities: z.object({ records: z.array(z.object({ Id: z.string() })) }).nullish() });

export function createDeals(options: { session: Session }): Deals {
  const { session } = options;
  const cache = createExpiringCache<string>({ maxEntries: MAX_ACCOUNTS });
  return { newestOf, forget: (accountId) => cache.delete(accountId) };

  async function newestOf(accountIds: readonly string[], signal: AbortSignal): Promise<Map<string, string>> {
    const asked = [...new Set(accountIds)].filter((id) => cache.get(id) === undefined).slice(0, PER_QUERY);
    if (asked.length > 0) {
      // One row for each Account: in a list of all their deals the many of one would push out the one of another.
      const newestOf = "(SELECT Id FROM Opportunities WHERE IsClosed = false ORDER BY CreatedDate DESC LIMIT 1)";
      const soql = `SELECT Id, ${newestOf} FROM Account WHERE Id IN ${listed(asked)}`;
      const rows = await query({ session, soql, row, signal });
      const newest = new Map(rows.map(({ Id, Opportunities }) => [Id, Opportunities?.records[0]?.Id ?? ""]));
      for (const id of asked) cache.set(id, newest.get(id) ?? "", KNOWN_FOR_MS);
    }
    return new Map(
      accountIds.flatMap((id) => {
        const deal = cache.get(id);
        return deal ? [[id, deal]] : [];
      }),
    );
  }
}
