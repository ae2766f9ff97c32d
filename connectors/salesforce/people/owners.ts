import { z } from "zod";
import { createExpiringCache } from "../../../src/connector/index.ts";
import type { Session } from "../client.ts";
import { listed, query } from "../soql.ts";

/** The org's users, by their email address and by their id. */
export interface Users {
  /** Ids of active users, by address in small letters; who is not there is no user. @throws as {@link Session.request} */
  idsOf(emails: readonly string[], signal: AbortSignal): Promise<Map<string, string>>;
  /** Addresses by id, as far as they can be had: they are for people to read. Never throws. */
  emailsOf(ids: readonly string[], signal: AbortSignal): Promise<Map<string, string>>;
  /** Who has this address may own nothing any more: ask again next time. */
  forget(email: string): void;
}

const KNOWN_FOR_MS = 60 * 60_000;
const UNKNOWN_FOR_MS = 5 * 60_000;
const MAX_USERS = 5_000;
/** A query goes into an address, which may have 16,384 bytes (REST API Developer Guide, "Status Codes", 414). */
const PER_QUERY = 200;

const row = z.object({ Id: z.string(), Email: z.string().nullish() });

export function createUsers(options: { session: Session }): Users {
  const { session } = options;
  const ids = createExpiringCache<string>({ maxEntries: MAX_USERS });
  const emails = createExpiringCache<string>({ maxEntries: MAX_USERS });

  async function look(options: {
    keys: readonly string[];
    cache: typeof ids;
    soql(keys: string[]): string;
    entry(user: { id: string; email: string }): [string, string];
    signal: AbortSignal;
  }): Promise<Map<string, string>> {
    const { keys, cache, soql, entry, signal } = options;
    const asked = [...new Set(keys)].filter((key) => cache.get(key) === undefined).slice(0, PER_QUERY);
    if (asked.length > 0) {
      const rows = await query({ session, soql: soql(asked), row, signal });
      const found = new Map(rows.toReversed().map(({ Id, Email }) => entry({ id: Id, email: Email ?? "" })));
      for (const key of asked) cache.set(key, found.get(key) ?? "", found.has(key) ? KNOWN_FOR_MS : UNKNOWN_FOR_MS);
    }
    return new Map(
      keys.flatMap((key) => {
        const value = cache.get(key);
        return value ? [[key, value]] : [];
      }),
    );
  }

  return {
    idsOf: (addresses, signal) =>
      look({
        keys: addresses.map((address) => address.toLowerCase()),
        cache: ids,
        // Of several users with one address it is the oldest.
        soql: (keys) => `SELECT Id, Email FROM User WHERE IsActive = true AND Email IN ${listed(keys)} ORDER BY CreatedDate`,
        entry: ({ id, email }) => [email.toLowerCase(), id],
        signal,
      }),
    async emailsOf(userIds, signal) {
      try {
        const soql = (keys: string[]) => `SELECT Id, Email FROM User WHERE Id IN ${listed(keys)}`;
        return await look({ keys: userIds, cache: emails, soql, entry: ({ id, email }) => [id, email], signal });
      } catch {
        return new Map();
      }
    },
    forget: (email) => ids.delete(email.toLowerCase()),
  };
}
