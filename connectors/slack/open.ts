import type { OpenDestination, OpenOptions } from "../../src/connector/index.ts";
import { createChannelCache } from "./channel-cache.ts";
import { createClient, identifyBot } from "./client.ts";
import { outcomeOfSlack } from "./errors.ts";
import { findMessage } from "./find.ts";
import { readOne } from "./history.ts";
import { createHourlyDigest } from "./hourly-digest.ts";
import type { SlackWith } from "./mapping.ts";
import { createMentions } from "./mentions.ts";
import { callHashOf, customerHashOf, hashWith } from "./metadata.ts";
import { extra, receiptOf } from "./receipt.ts";
import { sendMessage } from "./send.ts";
import type { SlackSettings } from "./settings.ts";
import { createThreads } from "./threads.ts";

/** Of an attempt's time, what the look-ups of a thread and of a user to mention may take each: the message itself comes first. */
const LOOKUP_SHARE = 1 / 5;

/** @throws {OpenError} when Slack does not take the token, or does not answer. */
export async function openSlack({ settings, timezone, timeoutMs }: OpenOptions<SlackSettings>): Promise<OpenDestination<SlackWith>> {
  const { token, base_url: baseUrl } = settings;
  const client = createClient({ token, baseUrl, timeoutMs });
  const { botId, workspaceUrl } = await identifyBot(client);
  const hash = hashWith(token);
  const channels = createChannelCache({ client, botId });
  const slack = {
    client,
    channels,
    mentions: createMentions({ client }),
    threads: createThreads(),
    digest: createHourlyDigest({ client, botId, timezone }),
    hash,
    timezone,
    workspaceUrl,
    maxWaitMs: timeoutMs * LOOKUP_SHARE,
  };

  return {
    send: (deliveries, { signal }) => Promise.all(deliveries.map((delivery) => sendMessage({ slack, delivery, signal }))),
    async find(delivery, { signal }) {
      const customer = customerHashOf(delivery, hash);
      const posted = await findMessage({ client, delivery, botId, customer, callHash: callHashOf(delivery, hash), signal });
      return posted && receiptOf({ posted, workspaceUrl });
    },
    async erase({ receipt }) {
      const { channel = "", summed } = extra.read(receipt);
      // A line of the digest says nothing of one call; it stays for the others.
      if (summed) return false;
      try {
        await client.chat.delete({ channel, ts: receipt.id });
        return true;
      } catch (error) {
        const outcome = outcomeOfSlack(error, { channel });
        // message_not_found: somebody has deleted it before.
        if (outcome.kind === "skipped") return false;
        throw new Error("reason" in outcome ? outcome.reason : "Slack does not delete it", { cause: error });
      }
    },
    async read({ receipt }) {
      const { channel = "", thread } = extra.read(receipt);
      const found = await readOne({ client, channel, ts: receipt.id, thread, botId });
      if (!found) return undefined;
      const { ts, text, blocks, metadata } = found.raw;
      return { ts, ...(thread === undefined ? {} : { thread_ts: thread }), text, blocks, metadata };
    },
    close: async () => channels.close(),
  };
}
