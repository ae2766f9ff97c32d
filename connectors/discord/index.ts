import { z } from "zod";
import { ambiguousSettings, defineConnector, httpSettings, OpenError, type Outcome, secret } from "../../src/connector/index.ts";
import { apiOf, foreignHost, isWebhook } from "./api.ts";
import { escapedValue, messageOf, SENDS } from "./message.ts";

/** A message per call in a Discord channel, through the channel's webhook; a late summary edits it. docs.discord.com/developers/resources/webhook */
export const discord = defineConnector({
  name: "discord",
  title: "Discord",
  keeps: "message",
  duplicates: "none",
  edits: true,
  settings: z
    .strictObject({
      url: secret().describe(
        "Address of the channel's webhook (channel settings, Integrations, Webhooks, Copy Webhook URL). Who has it can post",
      ),
      ...httpSettings,
      ...ambiguousSettings,
    })
    .refine(({ url }) => isWebhook(url), { path: ["url"], message: "must be like https://discord.com/api/webhooks/<id>/<token>" }),
  with: z.strictObject({
    text: z.string().optional().describe("Your own message, in Discord's Markdown, in place of the summary. Nothing in it pings anybody"),
  }),
  escape: { text: escapedValue },
  sends: SENDS,
  // One after the other: an answer takes about as long as the limit of five in two seconds allows.
  batch: { maxCalls: 1, concurrency: 1 },

  note: foreignHost,

  async open({ settings, timeoutMs }) {
    const webhook = apiOf({ url: settings.url, baseUrl: settings.base_url });
    const found = await webhook.look(AbortSignal.timeout(timeoutMs));
    if ("outcome" in found) throw new OpenError(found.outcome);
    return {
      async send([delivery], { signal }): Promise<Outcome[]> {
        if (!delivery) return [];
        const sent = await webhook.write(messageOf(delivery), { id: delivery.previous?.id, signal });
        if ("outcome" in sent) return [sent.outcome];
        return [{ kind: "delivered", receipt: { id: sent.id, url: found.linkOf(sent.id) } }];
      },
      read: ({ receipt }, { signal }) => webhook.read(receipt.id, signal),
      erase: ({ receipt }, { signal }) => webhook.erase(receipt.id, signal),
      close: async () => undefined,
    };
  },

  sandbox: () => import("./sandbox.ts"),
});
