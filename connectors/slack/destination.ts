import { WebClient } from "@slack/web-api";
import { type Delivery, type OpenDestination, OpenError, type Outcome, type Secret } from "../../src/connector.ts";
import { findMessage } from "./find.ts";
import { messageOf, type SlackWith } from "./message.ts";
import { outcomeOfSlack } from "./outcome.ts";

/** The SDK prints nothing: its debug lines hold whole messages. */
const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => "error" as never,
  setName: () => undefined,
};

/** @throws {OpenError} when Slack does not take the token, or does not answer. */
export async function openSlack(options: {
  token: Secret;
  baseUrl: string | undefined;
  timezone: string;
  timeoutMs: number;
}): Promise<OpenDestination<SlackWith>> {
  const { token, baseUrl, timezone, timeoutMs } = options;
  const client = new WebClient(token.reveal(), {
    ...(baseUrl === undefined ? {} : { slackApiUrl: `${baseUrl.replace(/\/+$/, "")}/` }),
    // The SDK would post a message again after a lost answer: that decision is not its own.
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: timeoutMs,
    allowAbsoluteUrls: false,
    logger: silent,
  });
  const us = await whoAmI(client);

  async function sendOne(delivery: Delivery<SlackWith>): Promise<Outcome> {
    // A message stays in the channel that it was posted to, also when the route has moved on to another.
    const channel = delivery.previous?.extra?.channel ?? delivery.with.channel;
    const message = messageOf(delivery, { timezone });
    try {
      const answer = delivery.previous
        ? await client.chat.update({ channel, ts: delivery.previous.id, ...message })
        : await client.chat.postMessage({ channel, ...message, unfurl_links: false, unfurl_media: false });
      return {
        kind: "delivered",
        receipt: receiptOf({ channel: answer.channel ?? channel, ts: answer.ts ?? "", workspaceUrl: us.workspaceUrl }),
      };
    } catch (error) {
      return outcomeOfSlack(error, { channel });
    }
  }

  return {
    send: (deliveries) => Promise.all(deliveries.map(sendOne)),
    async find(delivery, { signal }) {
      const found = await findMessage({ client, delivery, botId: us.botId, signal });
      return found && receiptOf({ ...found, workspaceUrl: us.workspaceUrl });
    },
    async erase({ receipt }) {
      try {
        await client.chat.delete({ channel: receipt.extra?.channel ?? "", ts: receipt.id });
        return true;
      } catch (error) {
        const outcome = outcomeOfSlack(error, { channel: receipt.extra?.channel ?? "" });
        // message_not_found: somebody has deleted it before.
        if (outcome.kind === "skipped") return false;
        throw new Error("reason" in outcome ? outcome.reason : "Slack does not delete it", { cause: error });
      }
    },
    close: async () => undefined,
  };
}

/** The link is the one that "Copy link" gives; asking chat.getPermalink for it would cost a request per call. */
function receiptOf(options: { channel: string; ts: string; workspaceUrl: string | undefined }) {
  const { channel, ts, workspaceUrl } = options;
  const url = workspaceUrl && `${workspaceUrl}archives/${channel}/p${ts.replace(".", "")}`;
  return { id: ts, ...(url ? { url } : {}), extra: { channel } };
}

async function whoAmI(client: WebClient): Promise<{ botId: string | undefined; workspaceUrl: string | undefined }> {
  try {
    const { bot_id, url, response_metadata } = await client.auth.test();
    if (response_metadata?.scopes && !response_metadata.scopes.includes("chat:write")) {
      throw new OpenError(outcomeOfMissingScope());
    }
    return { botId: bot_id, workspaceUrl: url?.startsWith("https://") ? url : undefined };
  } catch (error) {
    if (error instanceof OpenError) throw error;
    const outcome = outcomeOfSlack(error, { channel: "" });
    if (outcome.kind === "delivered") throw error;
    // Nothing was posted yet, so that nothing is unclear.
    if (outcome.kind === "ambiguous") {
      throw new OpenError({ kind: "retry", because: "down", code: outcome.code, reason: "Slack does not answer as it should" });
    }
    throw new OpenError(outcome);
  }
}

function outcomeOfMissingScope(): Exclude<Outcome, { kind: "delivered" }> {
  return {
    kind: "unauthorized",
    code: "missing_scope",
    reason: "the app may not post messages (missing_scope)",
    fix: "Give the app the scope chat:write (channels:history and groups:history too, for look-ups) and install it again",
  };
}
