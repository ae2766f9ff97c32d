import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError } from "@slack/web-api";
import {
  ambiguous,
  byCode,
  classifyHttp,
  down,
  type Meaning,
  needsFix,
  type Outcome,
  outcomeOfNetworkError,
  rateLimited,
  rejected,
  skipped,
  toOutcome,
  tryLater,
} from "../../src/connector/index.ts";

export const SCOPE_FIX = "Give the app the scope chat:write (channels:history and groups:history too, for look-ups) and install it again";

const slower = rateLimited("Slack asks to send more slowly", { scope: "target" });
const incomplete = tryLater("Slack did not get the whole request");
const noApi = needsFix("there is no Slack API at this address");

/**
 * From chat.postMessage's and chat.update's lists of errors (docs.slack.dev/reference/methods). What is wrong with a channel stops every call of the
 * route until a person corrects it: the calls wait, instead of becoming dead letters one by one.
 */
const MEANINGS = byCode<Meaning | ((channel: string) => Meaning)>([
  [
    needsFix("Slack refuses the token", "Put the bot token (xoxb-…) of an installed app into `token`"),
    "invalid_auth not_authed account_inactive token_revoked token_expired",
  ],
  [
    needsFix("the app may not do this", SCOPE_FIX),
    "missing_scope not_allowed_token_type no_permission access_denied team_access_not_granted metadata_must_be_sent_from_app as_user_not_supported",
  ],
  [
    needsFix(
      "Slack or the workspace keeps the app, or this machine's network, out",
      "Ask an administrator of the workspace which networks, apps and two-factor rules it has",
    ),
    "accesslimited enterprise_is_restricted two_factor_setup_required",
  ],
  [
    needsFix(
      "Slack does not read the request",
      "See what a proxy on the way does to it; if there is none, report it with the code, or take a newer Patchbay",
    ),
    `deprecated_endpoint method_deprecated method_not_supported_for_channel_type unknown_method invalid_arg_name invalid_array_arg invalid_charset
     invalid_form_data invalid_post_type missing_post_type`,
  ],
  [
    (channel) => needsFix("the bot is not in the channel", `Invite it: write /invite @<the app's name> in the channel ${channel}`),
    "not_in_channel",
  ],
  [
    (channel) =>
      needsFix(
        "Slack knows no such channel, or the bot may not see it",
        `Check the id ${channel} in the route's \`channel\`; a private channel needs /invite @<the app's name>`,
      ),
    "channel_not_found team_not_found",
  ],
  [
    (channel) => needsFix("the channel takes no messages from the app", `Open ${channel} to the app, or name another \`channel\``),
    `is_archived is_inactive ekm_access_denied restricted_action restricted_action_read_only_channel restricted_action_thread_locked
     restricted_action_thread_only_channel restricted_action_non_threadable_channel messages_tab_disabled cannot_reply_to_message`,
  ],
  [ambiguous("Slack failed while it had the message"), "fatal_error internal_error"],
  [down("Slack takes no messages now"), "service_unavailable team_added_to_org org_login_required"],
  [slower, "ratelimited rate_limited"],
  [rateLimited("Slack asks to send more slowly", { scope: "destination", retryAfterMs: 3_600_000 }), "message_limit_exceeded"],
  [incomplete, "request_timeout"],
  [skipped("the message was deleted in Slack: it is not posted again"), "message_not_found"],
  // The message stands as it was first written; nobody wants a second one.
  [skipped("the message can no longer be changed"), "cant_update_message edit_window_closed"],
]);

/** Slack itself answers 200 or 429; every other status comes from something in front of it, or from its servers in trouble. */
const FRONT = {
  title: "Slack",
  fix: "Check `base_url`, and what a proxy on the way does",
  duplicates: "find",
  table: {
    401: noApi,
    403: noApi,
    408: incomplete,
    409: noApi,
    410: noApi,
    413: rejected("the message is too large"),
    423: noApi,
    424: noApi,
    425: incomplete,
    "4xx": noApi,
  },
} as const;

/** An answer of success that names no message: something in between may have given it. */
export class NotSlackError extends Error {
  override readonly name = "NotSlackError";
}

const NOT_SLACK: Outcome = {
  kind: "ambiguous",
  code: "not_slack",
  reason: "the answer is not one of Slack's: a proxy may be in between",
};
const UNKNOWN: Outcome = { kind: "ambiguous", code: "no_answer", reason: "the request to Slack failed in a way that is not known" };

/** Total: every error of the SDK and of the network has an outcome. Slack's codes are passed on; its messages may quote us and are not. */
export function outcomeOfSlack(error: unknown, options: { channel: string }): Outcome {
  if (error instanceof WebAPIRateLimitedError) return toOutcome(slower, { code: "429", retryAfterMs: error.retryAfter * 1000 });
  if (error instanceof WebAPIPlatformError) return outcomeOfCode(error, options.channel);
  if (error instanceof WebAPIHTTPError) {
    const { "retry-after": retryAfter } = error.headers;
    const headers = typeof retryAfter === "string" ? { "retry-after": retryAfter } : {};
    return classifyHttp({ status: error.statusCode, headers }, FRONT) ?? NOT_SLACK;
  }
  if (error instanceof NotSlackError) return NOT_SLACK;
  // What the SDK makes of a 429 without a readable Retry-After: a plain Error.
  if (error instanceof Error && error.message.startsWith("Retry header did not contain")) return toOutcome(slower, { code: "429" });
  return outcomeOfNetworkError(error) ?? UNKNOWN;
}

function outcomeOfCode({ data }: WebAPIPlatformError, channel: string): Outcome {
  const code = data.error;
  // A proxy's page with status 200: the SDK hands its whole text over as the code.
  if (typeof code !== "string" || !/^[a-z][a-z0-9_]{0,63}$/.test(code)) return NOT_SLACK;
  const known = MEANINGS.get(code) ?? rejected("Slack refuses the message");
  const meaning = typeof known === "function" ? known(channel) : known;
  const retryAfter = data.response_metadata?.retryAfter;
  const shown = code === "message_not_found" ? undefined : code;
  return toOutcome(meaning, { code, shown, retryAfterMs: retryAfter === undefined ? undefined : retryAfter * 1000 });
}

/** Slack's own code of a refusal; undefined where it was none of Slack's. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof WebAPIPlatformError && typeof error.data.error === "string" ? error.data.error : undefined;
}
