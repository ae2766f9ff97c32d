import { type Failure, type HttpAnswer, outcomeOfStatus, parseRetryAfterMs, waitOf } from "../../src/connector/index.ts";

const API = {
  title: "Discord",
  fix: "Copy the webhook's address anew (channel settings, Integrations, Webhooks, Copy Webhook URL) into `url`",
  duplicates: "none",
} as const;

type Meaning = (code: string, wait: { retryAfterMs?: number }) => Failure;

const down =
  (reason: string): Meaning =>
  (code, wait) => ({ kind: "retry", because: "down", code, reason, ...wait });
const slower: Meaning = (code, wait) => ({
  kind: "retry",
  because: "rate-limit",
  code,
  reason: "Discord asks to send more slowly",
  ...wait,
});
const channel =
  (reason: string): Meaning =>
  (code) => ({ kind: "needs-fix", code, reason, fix: "Make a webhook in a text channel, and put its address into `url`" });
const stands =
  (reason: string): Meaning =>
  () => ({ kind: "skipped", reason });
const blocked = down(
  "Discord's front keeps this machine out (Cloudflare); it passes by itself, unless something here misuses Discord's API",
);
const forum = channel("the webhook's channel is a forum, which takes threads only");

/** Discord's own codes that say more than their status (docs.discord.com/developers/topics/opcodes-and-status-codes, "JSON Error Codes"). */
const CODES: Record<number, Meaning> = {
  10003: channel("the webhook's channel is gone"),
  10004: channel("the webhook's server is gone"),
  10008: stands("the message was deleted in Discord: it is not posted again"),
  // Asking a webhook that is gone again and again gets the whole address of the sender banned (docs, "Invalid Request Limit").
  10015: (code) => ({ kind: "needs-fix", code, reason: "the webhook was deleted in Discord", fix: API.fix, stopsRoute: true }),
  20016: slower,
  20022: slower,
  20028: slower,
  20029: slower,
  40004: down("Discord takes no messages now"),
  40006: down("Discord has switched this off for now"),
  40062: slower,
  40333: blocked,
  50005: stands("the message is another webhook's by now: it stands as it is"),
  50083: stands("the message is in a thread that was archived: it stands as it is"),
  130000: down("Discord is overloaded"),
  220001: forum,
  220002: forum,
  220003: forum,
  220004: forum,
};

/** What an answer means; undefined where it is one of success. Its sentences may quote us and are not passed on. */
export function failureOf(answer: HttpAnswer): Failure | undefined {
  const { status } = answer;
  const outcome = outcomeOfStatus(answer, API);
  if (!outcome) return undefined;
  const { code } = fieldsOf(answer);
  const wait = waitIn(answer);
  const isOwn = typeof code === "number";
  // Its front answers with a page, or a line, of its own: a ban, a firewall. Discord's own refusals are JSON.
  if (!isOwn && status === 403) return blocked("edge_403", wait);
  // "There was not a gateway available to process your request. Wait a bit and retry."
  if (status === 502) return down("Discord had nobody to take the request (HTTP 502)")("http_502", wait);
  if (!isOwn && status === 429) return slower(answer.json === undefined ? "edge_429" : "http_429", wait);
  if (!isOwn || code === 0) return outcome;
  const known = CODES[code]?.(`discord_${code}`, wait);
  return known ?? ("code" in outcome ? { ...outcome, code: `discord_${code}` } : outcome);
}

/** As exact as it comes: in the body there are fractions, which the header has not. */
function waitIn(answer: HttpAnswer): { retryAfterMs?: number } {
  const { retry_after: seconds } = fieldsOf(answer);
  const header = parseRetryAfterMs(answer.headers.get("retry-after"), Date.now());
  return waitOf(header ?? (typeof seconds === "number" && seconds > 0 ? Math.ceil(seconds * 1000) : undefined));
}

export function fieldsOf({ json }: HttpAnswer): Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : {};
}

/** A proxy's page in place of an answer. */
export function notDiscord(kind: "ambiguous" | "needs-fix"): Failure {
  const reason = "the answer is not one of Discord's: a proxy may stand in between";
  return kind === "ambiguous" ? { kind, code: "not_discord", reason } : { kind, code: "not_discord", reason, fix: API.fix };
}
