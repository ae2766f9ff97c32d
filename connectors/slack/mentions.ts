import type { WebClient } from "@slack/web-api";
import { abortable, createCache } from "../../src/connector/index.ts";
import { outcomeOfSlack } from "./errors.ts";

const FOUND_FOR_MS = 3_600_000;
const NOT_FOUND_FOR_MS = 600_000;
/** After a refusal for another reason: the scope may be given, the rate limit end. */
const FAILED_FOR_MS = 60_000;

/** The Slack user of an email address, or why there is none: `users_not_found`, `missing_scope`, `no_answer`. */
export type Mention = { userId: string } | { unknown: string };

/** Finds users by email address (users.lookupByEmail, scope users:read.email). */
export interface Mentions {
  /** Never throws: without the user there is no mention, but a message. */
  find(email: string, options: { maxWaitMs: number; signal: AbortSignal }): Promise<Mention>;
}

export function createMentions({ client }: { client: WebClient }): Mentions {
  const users = createCache<Mention>({ maxEntries: 1_000, ttlMs: ttlMsOf });

  async function lookUp(email: string): Promise<Mention> {
    try {
      const { user } = await client.users.lookupByEmail({ email });
      // Somebody who has left cannot be mentioned; what is no id could be anything.
      if (user?.deleted === true || !/^[UW][A-Z0-9]+$/.test(user?.id ?? "")) return { unknown: "users_not_found" };
      return { userId: user?.id as string };
    } catch (error) {
      const outcome = outcomeOfSlack(error, { channel: "" });
      return { unknown: "code" in outcome ? outcome.code : "no_answer" };
    }
  }

  return {
    async find(email, { maxWaitMs, signal }) {
      const address = email.trim().toLowerCase();
      if (!/^[^\s@]+@[^\s@]+$/.test(address)) return { unknown: "no_email" };
      const limit = AbortSignal.any([signal, AbortSignal.timeout(maxWaitMs)]);
      return abortable(limit, () => users.fetch(address, () => lookUp(address))).catch(() => {
        // The next messages do not wait too; an answer that still comes replaces this.
        const mention = { unknown: "no_answer" };
        if (users.get(address) === undefined) users.set(address, mention);
        return mention;
      });
    },
  };
}

function ttlMsOf(mention: Mention): number {
  if ("userId" in mention) return FOUND_FOR_MS;
  return mention.unknown === "users_not_found" ? NOT_FOUND_FOR_MS : FAILED_FOR_MS;
}
