import { type OpenDestination, OpenError, type OpenOptions, type Outcome } from "../../src/connector/index.ts";
import { createClient } from "./client.ts";
import type { DiscordWith } from "./mapping.ts";
import { messageOf } from "./message.ts";
import type { DiscordSettings } from "./settings.ts";

/** @throws {OpenError} when the webhook is gone, or the address is not Discord's; or a network error. */
export async function openDiscord({ settings, timeoutMs }: OpenOptions<DiscordSettings>): Promise<OpenDestination<DiscordWith>> {
  const client = createClient({ url: settings.url, baseUrl: settings.base_url });
  const webhook = await client.fetchWebhook(AbortSignal.timeout(timeoutMs));
  if ("outcome" in webhook) throw new OpenError(webhook.outcome);
  return {
    async send([delivery], { signal }): Promise<Outcome[]> {
      if (!delivery) return [];
      const written = await client.write(messageOf(delivery), { id: delivery.previous?.id, signal });
      if ("outcome" in written) return [written.outcome];
      return [{ kind: "delivered", receipt: { id: written.id, url: webhook.linkTo(written.id) } }];
    },
    read: ({ receipt }, { signal }) => client.read(receipt.id, signal),
    erase: ({ receipt }, { signal }) => client.erase(receipt.id, signal),
    close: async () => undefined,
  };
}
