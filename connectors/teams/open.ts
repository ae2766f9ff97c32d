import type { Delivery, OpenDestination, OpenOptions, Outcome } from "../../src/connector/index.ts";
import { createClient } from "./client.ts";
import { outcomeOfAnswer, outcomeOfError } from "./errors.ts";
import type { TeamsWith } from "./mapping.ts";
import { messageOf } from "./message.ts";
import type { TeamsSettings } from "./settings.ts";

/** Opening sends no request: a flow can only be started. */
export async function openTeams({ settings, timezone, timeoutMs }: OpenOptions<TeamsSettings>): Promise<OpenDestination<TeamsWith>> {
  const post = createClient({ url: settings.url, baseUrl: settings.base_url, timeoutMs });

  async function sendOne(delivery: Delivery<TeamsWith>, signal: AbortSignal): Promise<Outcome> {
    // A flow gives no message back that could be changed; nobody wants a second card.
    if (delivery.previous) return { kind: "skipped", reason: "Teams changes no card that was posted: it stands as it is" };
    try {
      return outcomeOfAnswer(await post(messageOf(delivery, { timezone }), signal), { key: delivery.key });
    } catch (error) {
      return outcomeOfError(error);
    }
  }

  return {
    send: (deliveries, { signal }) => Promise.all(deliveries.map((delivery) => sendOne(delivery, signal))),
    close: async () => undefined,
  };
}
