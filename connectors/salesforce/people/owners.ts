import { z } from "zod";
import { createLookup } from "../../../src/connector/index.ts";
import type { Session } from "../client.ts";
import { query, soqlList } from "../soql.ts";

/** The org's users, by their email address and by their id. */
export interface Owners {
  /** Ids of active users, by address in small letters; an address without a user is absent. @throws as {@link Session.request} */
  idsOf(emails: readonly string[], signal: AbortSignal): Promise<Map<string, string>>;
  /** Addresses by id, for people to read: absent whenever Salesforce does not say. Never throws. */
  emailsOf(ids: readonly string[], signal: AbortSignal): Promise<Map<string, string>>;
  /** The user with this address may own nothing any more: the next look-up asks again. */
  forget(email: string): void;
}

const MAX_USERS = 5_000;
const TTL_MS = { found: 60 * 60_000, none: 5 * 60_000 };
/** A query goes into an address, which may have 16,384 bytes (REST API Developer Guide, "Status Codes", 414). */
const PER_QUERY = 200;

const row = z.object({ Id: z.string(), Email: z.string().nullish() });

export function createOwners(options: { session: Session }): Owners {
  const { session } = options;
  const lookup = (soql: (keys: string[]) => string, entry: (id: string, email: string) => [string, string]) =>
    createLookup({
      maxEntries: MAX_USERS,
      ttlMs: TTL_MS,
      maxKeys: PER_QUERY,
      async read(keys, signal) {
        const rows = await query({ session, soql: soql(keys), row, signal });
        return new Map(rows.toReversed().map(({ Id, Email }) => entry(Id, Email ?? "")));
      },
    });
  // Of several users with one address it is the oldest.
  const ids = lookup(
    (emails) => `SELECT Id, Email FROM User WHERE IsActive = true AND Email IN ${soqlList(emails)} ORDER BY CreatedDate`,
    (id, email) => [email.toLowerCase(), id],
  );
  const emails = lookup(
    (userIds) => `SELECT Id, Email FROM User WHERE Id IN ${soqlList(userIds)}`,
    (id, email) => [id, email],
  );
  return {
    idsOf: (addresses, signal) =>
      ids.get(
        addresses.map((address) => address.toLowerCase()),
        signal,
      ),
    emailsOf: (userIds, signal) => emails.get(userIds, signal).catch(() => new Map()),
    forget: (email) => ids.forget(email.toLowerCase()),
  };
}
