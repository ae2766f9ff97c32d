import { type Failure, type HttpAnswer, requestJson, type Secret } from "../../src/connector/index.ts";
import { failureOf, fieldsOf, notDiscord } from "./outcome.ts";

const WEBHOOK = /^(https?:\/\/[^/?#\s]+\/api)\/(?:v\d+\/)?(webhooks\/\d+\/[\w-]+)\/?$/;

type Refusal = { outcome: Failure };

/** Discord wants this form, and may block what has none (docs.discord.com/developers/reference, "User Agent"). */
const HEADERS = { "user-agent": "DiscordBot (https://www.npmjs.com/package/patchbay, 0.1)" };

export function isWebhook(url: Secret): boolean {
  return WEBHOOK.test(url.reveal());
}

/** Its test releases and its earlier name among them; this machine is a stand-in's. */
const HOSTS = /^(((canary|ptb)\.)?discord(app)?\.com|localhost|127\.0\.0\.1|\[::1\])$/;

/** A caution where the address leads to somebody else; `base_url` does so on purpose. What is no address yet is not judged. */
export function foreignHost({ url, base_url }: Record<string, unknown>): string | undefined {
  const host = typeof url === "string" && base_url === undefined ? URL.parse(url)?.hostname : undefined;
  if (host === undefined || HOSTS.test(host)) return undefined;
  return "`url` is no address of Discord: the host in its place gets the webhook's token and the calls";
}

/** What one may ask of a webhook by its address alone. All throw network errors. */
export function apiOf({ url, baseUrl }: { url: Secret; baseUrl: string | undefined }) {
  // Discord copies the address without a version, which means one whose waits after a 429 are in milliseconds (v8's change log: now seconds).
  const [, written = "", webhook] = WEBHOOK.exec(url.reveal()) ?? [];
  const api = (baseUrl ?? written).replace(/\/+$/, "");
  const ask = (method: string, path: string, signal: AbortSignal, body?: unknown) =>
    requestJson({ method, url: `${api}/v10/${webhook}${path}`, headers: HEADERS, body, signal });

  return {
    /** Whether the webhook is there, and where its messages are seen. */
    async look(signal: AbortSignal): Promise<Refusal | { linkOf(id: string): string }> {
      const answer = await ask("GET", "", signal);
      const { guild_id: guild, channel_id: channel } = fieldsOf(answer);
      const outcome = failureOf(answer);
      if (outcome) return { outcome };
      if (typeof channel !== "string") return { outcome: notDiscord("needs-fix") };
      return { linkOf: (id) => `https://discord.com/channels/${typeof guild === "string" ? guild : "@me"}/${channel}/${id}` };
    },

    /** Posts a message, or changes the one with this id. */
    async write(message: object, { id, signal }: { id: string | undefined; signal: AbortSignal }): Promise<Refusal | { id: string }> {
      // Without wait=true Discord answers before it has the message, and says nothing when it does not take it.
      const answer =
        id === undefined ? await ask("POST", "?wait=true", signal, message) : await ask("PATCH", `/messages/${id}`, signal, message);
      const outcome = failureOf(answer);
      if (outcome) return { outcome };
      const { id: written } = fieldsOf(answer);
      const isIt = typeof written === "string" && (id === undefined || written === id);
      return isIt ? { id: written } : { outcome: notDiscord("ambiguous") };
    },

    /** The message as Discord keeps it; undefined when it is gone. @throws when Discord refuses to say. */
    async read(id: string, signal: AbortSignal): Promise<Record<string, unknown> | undefined> {
      const answer = await ask("GET", `/messages/${id}`, signal);
      return orThrow(answer) ? fieldsOf(answer) : undefined;
    },

    /** False when it was gone already. @throws when Discord refuses. */
    async erase(id: string, signal: AbortSignal): Promise<boolean> {
      return orThrow(await ask("DELETE", `/messages/${id}`, signal));
    },
  };
}

/** Whether it is there; its absence is no error. */
function orThrow(answer: HttpAnswer): boolean {
  const refusal = failureOf(answer);
  if (refusal && refusal.kind !== "skipped") throw new Error(refusal.reason);
  return refusal === undefined;
}
