import type { WebClient } from "@slack/web-api";
import { abortable, createExpiringCache } from "../../src/connector/index.ts";
import { outcomeOfSlack } from "./outcome.ts";

const FOUND_FOR_MS = 3_600_000;
const NOT_FOUND_FOR_MS = 600_000;
/** After a refusal for another reason: the scope may be given, the rate limit end. */
const TROUBLE_FOR_MS = 60_000;

/** The Slack user of an email address, or why there is none: `users_not_found`, `missing_scope`, `no_answer`. */
export type Owner = { userId: string } | { unknown: string };

/** Finds users by email address (users.lookupByEmail, scope users:read.email). Never throws: without the user there is no mention, but a message. */
export function createOwners(options: { client: WebClient }): {
  find(email: string, options: { maxWaitMs: number; signal: AbortSignal }): Promise<Owner>;
} {
  const { client } = options;
  const known = createExpiringCache<Owner>({ maxEntries: 1_000 });

  async function ask(email: string): Promise<Owner> {
    const { user } = await client.users.lookupByEmail({ email });
    // Somebody who has left cannot be mentioned; what is no id could be anything.
    if (user?.deleted === true || !/^[UW][A-Z0-9]+$/.test(user?.id ?? "")) return { unknown: "users_not_found" };
    return { userId: user?.id as string };
  }

  return {
    async find(email, { maxWaitMs, signal }) {
      const address = email.trim().toLowerCase();
      if (!/^[^\s@]+@[^\s@]+$/.test(address)) return { unknown: "no_email" };
      const remembered = known.get(address);
      if (remembered) return remembered;
      const limit = AbortSignal.any([signal, AbortSignal.timeout(maxWaitMs)]);
      const owner = await abortable(limit, () => ask(address)).catch((error: unknown): Owner => {
        const outcome = outcomeOfSlack(error, { channel: "" });
        return { unknown: limit.aborted || !("code" in outcome) ? "no_answer" : outcome.code };
      });
      const forMs = "userId" in owner ? FOUND_FOR_MS : owner.unknown === "users_not_found" ? NOT_FOUND_FOR_MS : TROUBLE_FOR_MS;
      known.set(address, owner, forMs);
      return owner;
    },
  };
}
