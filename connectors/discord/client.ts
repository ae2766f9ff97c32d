import { type Failure, type HttpAnswer, requestJson, type Secret } from "../../src/connector/index.ts";
import { failureOf, fieldsOf, notDiscord } from "./errors.ts";
import { WEBHOOK_URL } from "./settings.ts";

type Refusal = { outcome: Failure };

/** Discord wants this form, and may block requests without it (docs.discord.com/developers/reference, "User Agent"). */
const HEADERS = { "user-agent": "DiscordBot (https://www.npmjs.com/package/patchbay, 0.1)" };

/** The requests that a webhook's address alone allows. All throw network errors. */
export function createClient({ url, baseUrl }: { url: Secret; baseUrl: string | undefined }) {
  // Discord copies the address without a version, which means one whose waits after a 429 are in milliseconds (v8's change log: now seconds).
  const [, writtenApi = "", webhook] = WEBHOOK_URL.exec(url.reveal()) ?? [];
  const api = (baseUrl ?? writtenApi).replace(/\/+$/, "");
  const request = (method: string, path: string, signal: AbortSignal, body?: unknown) =>
    requestJson({ method, url: `${api}/v10/${webhook}${path}`, headers: HEADERS, body, signal });

  return {
    /** Checks that the webhook exists, and finds where its messages are seen. */
    async fetchWebhook(signal: AbortSignal): Promise<Refusal | { linkTo(id: string): string }> {
      const answer = await request("GET", "", signal);
      const { guild_id: guild, channel_id: channel } = fieldsOf(answer);
      const outcome = failureOf(answer);
      if (outcome) return { outcome };
      if (typeof channel !== "string") return { outcome: notDiscord("needs-fix") };
      return { linkTo: (id) => `https://discord.com/channels/${typeof guild === "string" ? guild : "@me"}/${channel}/${id}` };
    },

    /** Posts a message, or changes the one with this id. */
    async write(message: object, { id, signal }: { id: string | undefined; signal: AbortSignal }): Promise<Refusal | { id: string }> {
      // Without wait=true Discord answers before it has the message, and does not say when it does not take it.
      const answer = await (id === undefined
        ? request("POST", "?wait=true", signal, message)
        : request("PATCH", `/messages/${id}`, signal, message));
      const outcome = failureOf(answer);
      if (outcome) return { outcome };
      const { id: written } = fieldsOf(answer);
      const isIt = typeof written === "string" && (id === undefined || written === id);
      return isIt ? { id: written } : { outcome: notDiscord("ambiguous") };
    },

    /** The message as Discord keeps it; undefined when it is gone. @throws when Discord refuses. */
    async read(id: string, signal: AbortSignal): Promise<Record<string, unknown> | undefined> {
      const answer = await request("GET", `/messages/${id}`, signal);
      return isThere(answer) ? fieldsOf(answer) : undefined;
    },

    /** False when it was gone already. @throws when Discord refuses. */
    async erase(id: string, signal: AbortSignal): Promise<boolean> {
      return isThere(await request("DELETE", `/messages/${id}`, signal));
    },
  };
}

/** @throws when Discord refuses for another reason than that the message is gone. */
function isThere(answer: HttpAnswer): boolean {
  const refusal = failureOf(answer);
  if (refusal && refusal.kind !== "skipped") throw new Error(refusal.reason);
  return refusal === undefined;
}
