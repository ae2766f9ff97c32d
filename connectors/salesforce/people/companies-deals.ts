import { z } from "zod";
import { createLookup, type Lookup } from "../../../src/connector/index.ts";
import type { Session } from "../client.ts";
import { query, soqlList } from "../soql.ts";

/** Short: a deal that was just won must not get the next call. */
const TTL_MS = 60_000;
const MAX_ACCOUNTS = 5_000;
const PER_QUERY = 200;

const row = z.object({ Id: z.string(), Opportunities: z.object({ records: z.array(z.object({ Id: z.string() })) }).nullish() });

/** The newest open Opportunity by the Account's id. The Account itself comes with the person. @throws as {@link Session.request} */
export function createDeals(options: { session: Session }): Lookup {
  const { session } = options;
  return createLookup({
    maxEntries: MAX_ACCOUNTS,
    ttlMs: TTL_MS,
    maxKeys: PER_QUERY,
    async read(accountIds, signal) {
      // One row for each Account: in one list, an Account with many deals would push out the deal of another.
      const newestOf = "(SELECT Id FROM Opportunities WHERE IsClosed = false ORDER BY CreatedDate DESC LIMIT 1)";
      const soql = `SELECT Id, ${newestOf} FROM Account WHERE Id IN ${soqlList(accountIds)}`;
      const rows = await query({ session, soql, row, signal });
      return new Map(rows.map(({ Id, Opportunities }) => [Id, Opportunities?.records[0]?.Id ?? ""]));
    },
  });
}
