import { createExpiringCache } from "../../../src/connector/index.ts";
import type { HubSpotApi } from "../client.ts";
import { findOwners, readOwner } from "../requests.ts";
import { statusOf } from "../vendor-error.ts";

/** HubSpot's owners: its ids for email addresses, and back. "" is remembered for who is not there, or may not be asked for. */
export interface Owners {
  /** Undefined when HubSpot does not know the address, or the token may not ask. @throws what the SDK throws otherwise. */
  idOf(email: string, options: { signal: AbortSignal }): Promise<string | undefined>;
  /** For people to read: undefined whenever it cannot be had. */
  emailOf(id: string, options: { signal: AbortSignal }): Promise<string | undefined>;
  /** HubSpot does not take this owner any more: ask again next time. */
  forget(email: string): void;
}

const REMEMBER_MS = 60 * 60_000;
/** A colleague who is entered today should have her calls soon. */
const REMEMBER_NONE_MS = 10 * 60_000;
const MAX_PAGES = 20;

export function createOwners(options: { api: HubSpotApi }): Owners {
  const { api } = options;
  const known = createExpiringCache<Promise<string>>({ maxEntries: 2_000 });

  /** Asked once for all who want it at the same time; a failure is not remembered. */
  async function remembered(key: string, ask: () => Promise<string>): Promise<string | undefined> {
    let answer = known.get(key);
    if (!answer) {
      answer = ask().catch((error: unknown) => {
        // The scope crm.objects.owners.read is not given, there is no such owner, or it is no address: the call is logged without one.
        if ([400, 403, 404].includes(statusOf(error) ?? 0)) return "";
        throw error;
      });
      known.set(key, answer, REMEMBER_NONE_MS);
    }
    try {
      const value = await answer;
      if (value !== "") known.set(key, answer, REMEMBER_MS);
      return value === "" ? undefined : value;
    } catch (error) {
      known.delete(key);
      throw error;
    }
  }

  /** The list of those with an address has more pages than one only where the account has many of its former users. */
  async function readIdOf(address: string, signal: AbortSignal): Promise<string> {
    for (let after: string | undefined, page = 0; page < MAX_PAGES; page += 1) {
      const { results, paging } = await api.ask(signal, findOwners(address, after));
      const owner = results.find(({ email }) => email?.toLowerCase() === address);
      after = paging?.next?.after;
      if (owner || after === undefined) return owner?.id ?? "";
    }
    return "";
  }

  const placeOf = (email: string) => `email ${addressOf(email)}`;
  return {
    idOf: (email, { signal }) => remembered(placeOf(email), () => readIdOf(addressOf(email), signal)),
    async emailOf(id, { signal }) {
      const ask = async () => (await api.ask(signal, readOwner(id))).email ?? "";
      return remembered(`id ${id}`, ask).catch(() => undefined);
    },
    forget: (email) => known.delete(placeOf(email)),
  };
}

const addressOf = (email: string) => email.trim().toLowerCase();
