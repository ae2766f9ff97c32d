import { createExpiringCache } from "../../src/connector.ts";
import type { HubSpotApi } from "./client.ts";
import { statusOf } from "./outcome.ts";

/** HubSpot's owners: its ids for email addresses, and back. "" is remembered for who is not there, or may not be asked for. */
export interface Owners {
  /** Undefined when HubSpot does not know the address, or the token may not ask. @throws what the SDK throws otherwise. */
  idOf(email: string, options: { signal: AbortSignal }): Promise<string | undefined>;
  /** For people to read: undefined whenever it cannot be had. */
  emailOf(id: string, options: { signal: AbortSignal }): Promise<string | undefined>;
}

const REMEMBER_MS = 60 * 60_000;
/** A colleague who is entered today should have her calls soon. */
const REMEMBER_NONE_MS = 10 * 60_000;

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

  return {
    idOf(email, { signal }) {
      const address = email.trim().toLowerCase();
      return remembered(`email ${address}`, async () => {
        const { results } = await api.ask(signal, (sdk) => sdk.owners.getPage(address, undefined, 100, false));
        return results.find((owner) => owner.email?.toLowerCase() === address)?.id ?? "";
      });
    },
    async emailOf(id, { signal }) {
      const ask = async () => (await api.ask(signal, (sdk) => sdk.owners.getById(Number(id), "id", false))).email ?? "";
      return remembered(`id ${id}`, ask).catch(() => undefined);
    },
  };
}
