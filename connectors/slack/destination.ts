import type { Delivery, OpenDestination, Outcome, Receipt, Secret } from "../../src/connector/index.ts";
import { createChannels } from "./channels.ts";
import { createClient, whoAmI } from "./client.ts";
import { findMessage } from "./find.ts";
import { readOne, tsOf } from "./history.ts";
import { createLines } from "./lines.ts";
import { messageOf } from "./message.ts";
import { customerHashOf, hashWith } from "./metadata.ts";
import { outcomeOfSlack } from "./outcome.ts";
import { createOwners, type Owner } from "./owner.ts";
import { postMessage } from "./post.ts";
import { receiptOf, relatedOf } from "./receipt.ts";
import { createThreads } from "./threads.ts";
import type { SlackWith } from "./with.ts";

/** Of an attempt's time, what the search for a thread, and for a user to mention, may take each: the message itself comes first. */
const ASIDE_SHARE = 1 / 5;

/** @throws {OpenError} when Slack does not take the token, or does not answer. */
export async function openSlack(options: {
  token: Secret;
  baseUrl: string | undefined;
  timezone: string;
  timeoutMs: number;
}): Promise<OpenDestination<SlackWith>> {
  const { token, timezone, timeoutMs } = options;
  const client = createClient(options);
  const { botId, workspaceUrl } = await whoAmI(client);
  const hash = hashWith(token);
  const [channels, owners, threads] = [createChannels({ client, botId }), createOwners({ client }), createThreads()];
  const lines = createLines({ client, botId, timezone });
  const maxWaitMs = timeoutMs * ASIDE_SHARE;
  const callHashOf = ({ key }: Delivery<SlackWith>) => hash(`call ${key}`).slice(0, 8);

  async function sendOne(delivery: Delivery<SlackWith>, signal: AbortSignal): Promise<Outcome> {
    const { previous } = delivery;
    // The line counts it already, and says nothing else of it.
    if (previous?.extra?.summed !== undefined) return { kind: "delivered", receipt: previous, final: true };
    // A message stays in the channel that it was posted to, also when the route has moved on to another.
    const channel = previous?.extra?.channel ?? delivery.with.channel;
    try {
      const related = relatedOf(delivery);
      const owner = await ownerOf(delivery, signal);
      const ownerId = owner && "userId" in owner ? owner.userId : undefined;
      const customer = customerHashOf(delivery, hash);
      const message = messageOf({ ...delivery, related }, { timezone, ownerId, customer });
      const posted = previous
        ? await edit(channel, previous, message)
        : await postMessage({
            client,
            channels,
            lines,
            threads,
            delivery,
            message,
            customer,
            callHash: callHashOf(delivery),
            maxWaitMs,
            signal,
          });
      const unmentioned = owner && "unknown" in owner ? owner.unknown : undefined;
      const receipt = receiptOf({ posted, workspaceUrl, ownerId, unmentioned, related });
      return { kind: "delivered", receipt, ...(receipt.extra?.summed === undefined ? {} : { final: true as const }) };
    } catch (error) {
      return outcomeOfSlack(error, { channel });
    }
  }

  async function edit(channel: string, previous: Receipt, message: ReturnType<typeof messageOf>) {
    const answer = await client.chat.update({ channel, ts: previous.id, ...message });
    const { thread, unthreaded } = previous.extra ?? {};
    return { channel: answer.channel ?? channel, ts: tsOf(answer), thread, unthreaded };
  }

  /** Whom the message mentions: who owns the record, else who owns the agent; once mentioned, the same one. */
  async function ownerOf(delivery: Delivery<SlackWith>, signal: AbortSignal): Promise<Owner | undefined> {
    const before = delivery.previous?.extra?.mention;
    if (before !== undefined) return { userId: before };
    const email = delivery.related?.person?.owner || delivery.call.agent_owner;
    return delivery.with.mention === undefined || !email ? undefined : owners.find(email, { maxWaitMs, signal });
  }

  return {
    send: (deliveries, { signal }) => Promise.all(deliveries.map((delivery) => sendOne(delivery, signal))),
    async find(delivery, { signal }) {
      const customer = customerHashOf(delivery, hash);
      const posted = await findMessage({ client, delivery, botId, customer, callHash: callHashOf(delivery), signal });
      return posted && receiptOf({ posted, workspaceUrl });
    },
    async erase({ receipt }) {
      // A line says nothing of one call; it stays for the others.
      if (receipt.extra?.summed !== undefined) return false;
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
    async read({ receipt }) {
      const { channel = "", thread } = receipt.extra ?? {};
      const found = await readOne({ client, channel, ts: receipt.id, thread, botId });
      if (!found) return undefined;
      const { ts, text, blocks, metadata } = found.raw;
      return { ts, ...(thread === undefined ? {} : { thread_ts: thread }), text, blocks, metadata };
    },
    close: async () => channels.close(),
  };
}
