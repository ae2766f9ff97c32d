import {
  classifyHttp,
  down,
  type Failure,
  gone,
  type HttpAnswer,
  type Meaning,
  needsFix,
  parseRetryAfterMs,
  rateLimited,
  skipped,
  toOutcome,
} from "../../src/connector/index.ts";

const FIX = "Copy the webhook's address again (channel settings, Integrations, Webhooks, Copy Webhook URL) into `url`";

const slower = rateLimited("Discord asks to send more slowly");
const blocked = down(
  "Discord's front keeps this machine out (Cloudflare); it passes by itself, unless something here misuses Discord's API",
);
const channel = (reason: string) => needsFix(reason, "Make a webhook in a text channel, and put its address into `url`");
const forum = channel("the webhook's channel is a forum, which takes threads only");

/** Discord's own codes that say more than their status (docs.discord.com/developers/topics/opcodes-and-status-codes, "JSON Error Codes"). */
const CODES: Record<number, Meaning> = {
  10003: channel("the webhook's channel is gone"),
  10004: channel("the webhook's server is gone"),
  10008: skipped("the message was deleted in Discord: it is not posted again"),
  // Requests to a webhook that is gone get the sender's whole address banned (docs, "Invalid Request Limit").
  10015: gone("the webhook was deleted in Discord", FIX),
  20016: slower,
  20022: slower,
  20028: slower,
  20029: slower,
  40004: down("Discord takes no messages now"),
  40006: down("Discord has switched this off for now"),
  40062: slower,
  40333: blocked,
  50005: skipped("the message is another webhook's by now: it stands as it is"),
  50083: skipped("the message is in a thread that was archived: it stands as it is"),
  130000: down("Discord is overloaded"),
  220001: forum,
  220002: forum,
  220003: forum,
  220004: forum,
};

const API = {
  title: "Discord",
  fix: FIX,
  duplicates: "none",
  // "There was not a gateway available to process your request. Wait a bit and retry."
  table: { 502: down("Discord had nobody to take the request") },
} as const;
/** Where Discord's front answers, with a page or a line of its own: a ban, a firewall. Discord's own refusals are JSON. */
const FRONT = { ...API, table: { ...API.table, 403: blocked } };

/** What an answer means; undefined where it is one of success. Discord's sentences may quote us and are not passed on. */
export function failureOf(answer: HttpAnswer): Failure | undefined {
  const { status, headers, json } = answer;
  const { code, retry_after: seconds } = fieldsOf(answer);
  // The body's wait has fractions, which the header has not.
  const inBody = typeof seconds === "number" && seconds > 0 ? Math.ceil(seconds * 1000) : undefined;
  const retryAfterMs = parseRetryAfterMs(headers.get("retry-after"), Date.now()) ?? inBody;
  if (typeof code !== "number") {
    const isPage = status === 403 || (status === 429 && json === undefined);
    return classifyHttp({ status, headers, retryAfterMs, ...(isPage ? { code: `edge_${status}` } : {}) }, FRONT);
  }
  const own = code === 0 ? undefined : `discord_${code}`;
  const known = CODES[code];
  return known && own ? toOutcome(known, { code: own, retryAfterMs }) : classifyHttp({ status, headers, code: own, retryAfterMs }, API);
}

export function fieldsOf({ json }: HttpAnswer): Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : {};
}

/** A proxy's page in place of an answer. */
export function notDiscord(kind: "ambiguous" | "needs-fix"): Failure {
  const reason = "the answer is not one of Discord's: a proxy may be in between";
  return kind === "ambiguous" ? { kind, code: "not_discord", reason } : { kind, code: "not_discord", reason, fix: FIX };
}
