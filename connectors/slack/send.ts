import type { WebClient } from "@slack/web-api";
import type { Delivery, Outcome } from "../../src/connector/index.ts";
import type { SlackContext } from "./context.ts";
import { outcomeOfSlack } from "./errors.ts";
import { tsOf } from "./history.ts";
import type { SlackWith } from "./mapping.ts";
import type { Mention } from "./mentions.ts";
import { type Message, messageOf } from "./message.ts";
import { callHashOf, customerHashOf } from "./metadata.ts";
import { type Posted, postMessage } from "./post.ts";
import { extra, receiptOf, relatedOf } from "./receipt.ts";

/** Posts a call's message, or edits the one that an earlier version of the call posted. Never throws. */
export async function sendMessage(options: { slack: SlackContext; delivery: Delivery<SlackWith>; signal: AbortSignal }): Promise<Outcome> {
  const { slack, delivery, signal } = options;
  const { previous } = delivery;
  const before = extra.read(previous);
  // A line of the digest counts the call already, and says nothing else of it.
  if (previous && before.summed) return { kind: "delivered", receipt: previous, final: true };
  // A message stays in the channel that it was posted to, also when the route names another one now.
  const channel = before.channel ?? delivery.with.channel;
  try {
    const related = relatedOf(delivery);
    const mention = await mentionOf({ slack, delivery, before: before.mention, signal });
    const ownerId = mention && "userId" in mention ? mention.userId : undefined;
    const customer = customerHashOf(delivery, slack.hash);
    const message = messageOf({ ...delivery, related }, { timezone: slack.timezone, ownerId, customer });
    const posted = previous
      ? await edit({ client: slack.client, channel, ts: previous.id, message, before })
      : await postMessage({ slack, delivery, message, customer, callHash: callHashOf(delivery, slack.hash), signal });
    const unmentioned = mention && "unknown" in mention ? mention.unknown : undefined;
    const receipt = receiptOf({ posted, workspaceUrl: slack.workspaceUrl, ownerId, unmentioned, related });
    return { kind: "delivered", receipt, ...(posted.inDigest ? { final: true as const } : {}) };
  } catch (error) {
    return outcomeOfSlack(error, { channel });
  }
}

async function edit(options: {
  client: WebClient;
  channel: string;
  ts: string;
  message: Message;
  before: { thread?: string | undefined; unthreaded?: string | undefined };
}): Promise<Posted> {
  const { client, channel, ts, message, before } = options;
  const answer = await client.chat.update({ channel, ts, ...message });
  return { channel: answer.channel ?? channel, ts: tsOf(answer), thread: before.thread, unthreaded: before.unthreaded };
}

/** The user that the message mentions: the record's owner, else the agent's; once mentioned, the same one. */
async function mentionOf(options: {
  slack: SlackContext;
  delivery: Delivery<SlackWith>;
  before: string | undefined;
  signal: AbortSignal;
}): Promise<Mention | undefined> {
  const { slack, delivery, before, signal } = options;
  if (before !== undefined) return { userId: before };
  const email = delivery.related?.person?.owner || delivery.call.agent_owner;
  if (delivery.with.mention === undefined || !email) return undefined;
  return slack.mentions.find(email, { maxWaitMs: slack.maxWaitMs, signal });
}
