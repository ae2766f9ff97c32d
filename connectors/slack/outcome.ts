import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError } from "@slack/web-api";
import { type Outcome, outcomeOfEdge, outcomeOfNetworkError, parseRetryAfterMs } from "../../src/connector/index.ts";

type Class = (code: string, channel: string) => Outcome;

const TOKEN_FIX = "Put the bot token (xoxb-…) of an installed app into `token`";
export const SCOPE_FIX = "Give the app the scope chat:write (channels:history and groups:history too, for look-ups) and install it again";

const token: Class = (code) => ({ kind: "needs-fix", code, reason: `Slack refuses the token (${code})`, fix: TOKEN_FIX });
const permission: Class = (code) => ({ kind: "needs-fix", code, reason: `the app may not do this (${code})`, fix: SCOPE_FIX });
/** Every call of the route fails alike until a person mends it: they wait, instead of becoming dead letters one by one. */
const channelTrouble =
  (reason: string, fix: (channel: string) => string): Class =>
  (code, channel) => ({ kind: "needs-fix", code, reason: `${reason} (${code})`, fix: fix(channel) });
const notIn = channelTrouble(
  "the bot is not in the channel",
  (channel) => `Invite it: write /invite @<the app's name> in the channel ${channel}`,
);
const noChannel = channelTrouble(
  "Slack knows no such channel, or the bot may not see it",
  (channel) => `Check the id ${channel} in the route's \`channel\`; a private channel needs /invite @<the app's name>`,
);
const closed = channelTrouble(
  "the channel takes no messages from the app",
  (channel) => `Open ${channel} to the app, or name another \`channel\``,
);
const unclear: Class = (code) => ({ kind: "ambiguous", code, reason: `Slack failed while it had the message (${code})` });
const away: Class = (code) => ({ kind: "retry", because: "down", code, reason: `Slack takes no messages now (${code})` });
const slower: Class = (code) => ({ kind: "retry", because: "rate-limit", scope: "target", code, reason: "Slack asks to send more slowly" });
const workspaceFull: Class = (code) => ({ ...slower(code, ""), scope: "destination", retryAfterMs: 3_600_000 }) as Outcome;
const again: Class = (code) => ({ kind: "retry", because: "record", code, reason: `Slack did not get the whole request (${code})` });
/** The message stands as it was first written; a second one is not what anybody wants. */
const stands: Class = (code) => ({ kind: "skipped", reason: `the message can no longer be changed (${code})` });
const deleted: Class = () => ({ kind: "skipped", reason: "the message was deleted in Slack: it is not posted again" });

const needsFix =
  (reason: string, fix: string): Class =>
  (code) => ({ kind: "needs-fix", code, reason: `${reason} (${code})`, fix });
const barred = needsFix(
  "Slack or the workspace keeps the app, or this machine's network, out",
  "Ask an administrator of the workspace which networks, apps and two-factor rules it has",
);
/** No call is at fault: each would be refused alike. */
const misread = needsFix(
  "Slack does not read the request",
  "See what a proxy on the way does to it; if there is none, report it with the code, or take a newer Patchbay",
);

const CLASSES: [Class, string][] = [
  [token, "invalid_auth not_authed account_inactive token_revoked token_expired"],
  [
    permission,
    "missing_scope not_allowed_token_type no_permission access_denied team_access_not_granted metadata_must_be_sent_from_app as_user_not_supported",
  ],
  [barred, "accesslimited enterprise_is_restricted two_factor_setup_required"],
  [
    misread,
    `deprecated_endpoint method_deprecated method_not_supported_for_channel_type unknown_method invalid_arg_name invalid_array_arg invalid_charset
     invalid_form_data invalid_post_type missing_post_type`,
  ],
  [notIn, "not_in_channel"],
  [noChannel, "channel_not_found team_not_found"],
  [
    closed,
    `is_archived is_inactive ekm_access_denied restricted_action restricted_action_read_only_channel restricted_action_thread_locked
     restricted_action_thread_only_channel restricted_action_non_threadable_channel messages_tab_disabled cannot_reply_to_message`,
  ],
  [unclear, "fatal_error internal_error"],
  [away, "service_unavailable team_added_to_org org_login_required"],
  [slower, "ratelimited rate_limited"],
  [workspaceFull, "message_limit_exceeded"],
  [again, "request_timeout"],
  [deleted, "message_not_found"],
  [stands, "cant_update_message edit_window_closed"],
];

/** From chat.postMessage's and chat.update's lists of errors (docs.slack.dev/reference/methods). */
const CLASS_OF = new Map(CLASSES.flatMap(([outcome, codes]) => codes.split(/\s+/).map((code) => [code, outcome] as const)));

/** An answer of success that names no message: something in between may have given it. */
export class NotSlackError extends Error {
  override readonly name = "NotSlackError";
}

/** Total: every error of the SDK and of the network has an outcome. Slack's codes are passed on; its messages may quote us and are not. */
export function outcomeOfSlack(error: unknown, options: { channel: string }): Outcome {
  if (error instanceof WebAPIRateLimitedError) {
    return {
      kind: "retry",
      because: "rate-limit",
      scope: "target",
      code: "429",
      reason: "Slack asks to send more slowly",
      retryAfterMs: error.retryAfter * 1000,
    };
  }
  if (error instanceof WebAPIPlatformError) return outcomeOfCode(error, options.channel);
  if (error instanceof WebAPIHTTPError) return outcomeOfStatus(error);
  if (error instanceof NotSlackError) return NOT_SLACK;
  const message = error instanceof Error ? error.message : "";
  // What the SDK makes of a 429 without a readable Retry-After: a plain Error.
  if (message.startsWith("Retry header did not contain")) return slower("429", "");
  return (
    outcomeOfNetworkError(error) ?? {
      kind: "ambiguous",
      code: "no_answer",
      reason: "the request to Slack failed in a way that is not known",
    }
  );
}

const NOT_SLACK: Outcome = {
  kind: "ambiguous",
  code: "not_slack",
  reason: "the answer is not one of Slack's: a proxy may stand in between",
};

function outcomeOfCode(error: WebAPIPlatformError, channel: string): Outcome {
  const code = error.data.error;
  // A proxy's page with status 200: the SDK hands its whole text over as the code.
  if (typeof code !== "string" || !/^[a-z][a-z0-9_]{0,63}$/.test(code)) {
    return NOT_SLACK;
  }
  const outcome = CLASS_OF.get(code)?.(code, channel);
  const retryAfter = error.data.response_metadata?.retryAfter;
  if (outcome?.kind === "retry" && retryAfter !== undefined) return { ...outcome, retryAfterMs: retryAfter * 1000 };
  return outcome ?? { kind: "rejected", code, reason: `Slack refuses the message (${code})` };
}

/** Slack itself answers 200 or 429; every other status comes from something in front of it, or from its servers in trouble. */
function outcomeOfStatus({ statusCode: status, headers }: WebAPIHTTPError): Outcome {
  const code = `http_${status}`;
  const fix = "Check `base_url`, and what a proxy on the way does";
  const retryAfter = typeof headers["retry-after"] === "string" ? headers["retry-after"] : undefined;
  const edge = outcomeOfEdge(status, { title: "Slack", fix, retryAfter });
  if (edge) return edge;
  if (status >= 500) return { kind: "ambiguous", code, reason: `Slack failed while it had the message (HTTP ${status})` };
  if (status === 413) return { kind: "rejected", code, reason: "the message is too large (HTTP 413)" };
  const wait = parseRetryAfterMs(retryAfter, Date.now());
  if (status === 408 || status === 425)
    return { ...(again(code, "") as Outcome & { kind: "retry"; because: "record" }), ...(wait !== undefined && { retryAfterMs: wait }) };
  return { kind: "needs-fix", code, reason: `there is no Slack API at this address (HTTP ${status})`, fix };
}

/** Slack's own code of a refusal; undefined where it was none of Slack's. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof WebAPIPlatformError && typeof error.data.error === "string" ? error.data.error : undefined;
}
