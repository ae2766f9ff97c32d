import { createCache } from "../../../src/connector/index.ts";
import type { HubSpotApi } from "../client.ts";
import { outcomeOfReadError } from "../errors.ts";
import type { CallItem } from "../item.ts";
import { readOwner, readOwners } from "../requests.ts";
import { statusOf } from "../vendor-error.ts";

/** HubSpot's owners: its ids for email addresses, and back. */
export interface Owners {
  /** Undefined when HubSpot does not know the address, or the token may not ask. @throws as `api.ask` otherwise */
  idOf(email: string, options: { signal: AbortSignal }): Promise<string | undefined>;
  /** For people to read: undefined whenever HubSpot does not say. */
  emailOf(id: string, options: { signal: AbortSignal }): Promise<string | undefined>;
  /** HubSpot refuses this owner: the next `idOf` asks again. */
  forget(email: string): void;
}

const REMEMBER_MS = 60 * 60_000;
/** A colleague who is entered today should have their calls soon. */
const REMEMBER_NONE_MS = 10 * 60_000;
const MAX_PAGES = 20;

export function createOwners(options: { api: HubSpotApi }): Owners {
  const { api } = options;
  /** "" for an owner that does not exist, or that the token may not ask for. */
  const known = createCache<string>({ maxEntries: 2_000, ttlMs: (value) => (value === "" ? REMEMBER_NONE_MS : REMEMBER_MS) });

  async function lookUp(key: string, ask: () => Promise<string>): Promise<string | undefined> {
    const askOrNone = () =>
      ask().catch((error: unknown) => {
        // The scope crm.objects.owners.read is missing, there is no such owner, or it is no address: the call is logged without one.
        if ([400, 403, 404].includes(statusOf(error) ?? 0)) return "";
        throw error;
      });
    return (await known.fetch(key, askOrNone)) || undefined;
  }

  /** The list of those with an address has more than one page only where the account has many of its former users. */
  async function readIdOf(address: string, signal: AbortSignal): Promise<string> {
    for (let after: string | undefined, page = 0; page < MAX_PAGES; page += 1) {
      const { results, paging } = await api.ask(signal, readOwners(address, after));
      const owner = results.find(({ email }) => email?.toLowerCase() === address);
      after = paging?.next?.after;
      if (owner || after === undefined) return owner?.id ?? "";
    }
    return "";
  }

  const keyOf = (email: string) => `email ${addressOf(email)}`;
  return {
    idOf: (email, { signal }) => lookUp(keyOf(email), () => readIdOf(addressOf(email), signal)),
    emailOf: (id, { signal }) => lookUp(`id ${id}`, async () => (await api.ask(signal, readOwner(id))).email ?? "").catch(() => undefined),
    forget: (email) => known.delete(keyOf(email)),
  };
}

const addressOf = (email: string) => email.trim().toLowerCase();

/** The address of the owner that the route or the agent names. */
export function ownerOf({ delivery: { call, with: words } }: CallItem): string | undefined {
  return words.owner?.trim() || call.agent_owner || undefined;
}

/** Sets HubSpot's id of each call's owner; an address that HubSpot does not know is left out. */
export async function findOwners(options: { items: CallItem[]; owners: Owners; signal: AbortSignal }): Promise<void> {
  const { items, owners, signal } = options;
  await Promise.all(
    items.map(async (item) => {
      const email = ownerOf(item);
      if (!email) return;
      try {
        item.ownerId = await owners.idOf(email, { signal });
      } catch (error) {
        item.outcome = outcomeOfReadError(error);
      }
    }),
  );
}
