import { type HttpAnswer, type Outcome, outcomeOfStatus, requestJson, type Secret } from "../../src/connector.ts";

const WEBHOOK = /^(https?:\/\/[^/?#\s]+\/api)\/(?:v\d+\/)?(webhooks\/\d+\/[\w-]+)\/?$/;

const API = {
  title: "Discord",
  fix: "Copy the webhook's address anew (channel settings, Integrations, Webhooks, Copy Webhook URL) into `url`",
  duplicates: "none",
} as const;

/** Discord's own codes (docs.discord.com/developers/topics/opcodes-and-status-codes): the message is gone, the webhook is gone. */
const UNKNOWN_MESSAGE = 10008;
const UNKNOWN_WEBHOOK = 10015;

type Refusal = { outcome: Exclude<Outcome, { kind: "delivered" }> };

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
    requestJson({ method, url: `${api}/v10/${webhook}${path}`, body, signal });

  return {
    /** Whether the webhook is there, and where its messages are seen. */
    async look(signal: AbortSignal): Promise<Refusal | { linkOf(id: string): string }> {
      const answer = await ask("GET", "", signal);
      const { guild_id: guild, channel_id: channel } = fieldsOf(answer);
      const outcome = refusalOf(answer);
      if (outcome) return { outcome };
      if (typeof channel !== "string") return { outcome: notDiscord("unauthorized") };
      return { linkOf: (id) => `https://discord.com/channels/${typeof guild === "string" ? guild : "@me"}/${channel}/${id}` };
    },

    /** Posts a message, or changes the one with this id. */
    async write(message: object, { id, signal }: { id: string | undefined; signal: AbortSignal }): Promise<Refusal | { id: string }> {
      // Without wait=true Discord answers before it has the message, and says nothing when it does not take it.
      const answer =
        id === undefined ? await ask("POST", "?wait=true", signal, message) : await ask("PATCH", `/messages/${id}`, signal, message);
      const outcome = refusalOf(answer);
      if (outcome) return { outcome };
      const { id: written } = fieldsOf(answer);
      return typeof written === "string" ? { id: written } : { outcome: notDiscord("ambiguous") };
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

function fieldsOf({ json }: HttpAnswer): Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : {};
}

function refusalOf(answer: HttpAnswer): Refusal["outcome"] | undefined {
  const outcome = outcomeOfStatus(answer, API);
  const { code } = fieldsOf(answer);
  if (!outcome || typeof code !== "number" || code === 0) return outcome;
  // Asking a webhook that is gone again and again gets the whole address of the sender banned (docs, "Invalid Request Limit").
  if (code === UNKNOWN_WEBHOOK)
    return { kind: "unauthorized", code: `discord_${code}`, reason: "the webhook was deleted in Discord", fix: API.fix, stopsRoute: true };
  if (code === UNKNOWN_MESSAGE) return { kind: "skipped", reason: "the message was deleted in Discord: it is not posted again" };
  return "code" in outcome ? { ...outcome, code: `discord_${code}` } : outcome;
}

/** Whether it is there; its absence is no error. */
function orThrow(answer: HttpAnswer): boolean {
  const refusal = refusalOf(answer);
  if (refusal && refusal.kind !== "skipped") throw new Error(refusal.reason);
  return refusal === undefined;
}

/** A proxy's page in place of an answer. */
function notDiscord(kind: "ambiguous" | "unauthorized"): Refusal["outcome"] {
  const reason = "the answer is not one of Discord's: a proxy may stand in between";
  return kind === "ambiguous" ? { kind, code: "not_discord", reason } : { kind, code: "not_discord", reason, fix: API.fix };
}
