import { ambiguousSettings, httpSettings, secret, z } from "../../src/connector/index.ts";

/** The API's address with or without its version, and the webhook's path. */
export const WEBHOOK_URL = /^(https?:\/\/[^/?#\s]+\/api)\/(?:v\d+\/)?(webhooks\/\d+\/[\w-]+)\/?$/;

/** Test releases and the earlier name are Discord's too; this machine is a sandbox's. */
const DISCORD_HOST = /^(((canary|ptb)\.)?discord(app)?\.com|localhost|127\.0\.0\.1|\[::1\])$/;

export const discordSettings = z
  .strictObject({
    url: secret().describe(
      "Address of the channel's webhook (channel settings, Integrations, Webhooks, Copy Webhook URL). Who has it can post",
    ),
    ...httpSettings,
    ...ambiguousSettings,
  })
  .refine(({ url }) => WEBHOOK_URL.test(url.reveal()), {
    path: ["url"],
    message: "must be like https://discord.com/api/webhooks/<id>/<token>",
  });

export type DiscordSettings = z.output<typeof discordSettings>;

/** A caution where the address leads to another host; `base_url` does so on purpose. What is no address yet is not checked. */
export function foreignHost({ url, base_url }: Record<string, unknown>): string | undefined {
  const host = typeof url === "string" && base_url === undefined ? URL.parse(url)?.hostname : undefined;
  if (host === undefined || DISCORD_HOST.test(host)) return undefined;
  return "`url` is no address of Discord: the host in its place gets the webhook's token and the calls";
}
