import { closest } from "../../lib/text/did-you-mean.ts";

/** What VoiceInfra documents; it may add words. */
export const OUTCOMES = ["answered", "voicemail", "failed"] as const;

/** What other telephone systems call them (Twilio's CallStatus and AnsweredBy, SIP's reasons). */
const ELSEWHERE: Record<string, (typeof OUTCOMES)[number]> = {
  completed: "answered",
  complete: "answered",
  connected: "answered",
  success: "answered",
  succeeded: "answered",
  human: "answered",
  vm: "voicemail",
  mailbox: "voicemail",
  machine: "voicemail",
  answeringmachine: "voicemail",
  busy: "failed",
  noanswer: "failed",
  unanswered: "failed",
  notanswered: "failed",
  missed: "failed",
  canceled: "failed",
  cancelled: "failed",
  error: "failed",
  failure: "failed",
  failing: "failed",
  rejected: "failed",
};

/** The documented outcome that a word was probably meant to be; undefined for a documented one, and for one that is far from all. */
export function nearOutcome(word: string): string | undefined {
  if ((OUTCOMES as readonly string[]).includes(word)) return undefined;
  const letters = word.toLowerCase().replace(/[^a-z]/g, "");
  if (letters === "") return undefined;
  const same = OUTCOMES.find(
    (known) => known === letters || (letters.length > 3 && (known.startsWith(letters) || letters.startsWith(known))),
  );
  return same ?? ELSEWHERE[letters] ?? closest(letters, OUTCOMES);
}
