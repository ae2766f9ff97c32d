import type { Outcome } from "../connector/index.ts";
import { NUMBER_DIGITS, WORDS } from "./calls.ts";
import type { Problem } from "./report.ts";

/** Text of the kit's own bad answers: an outcome that repeats it repeats what a vendor or a proxy wrote. */
export const POISON = "+14155550199 Please log in, nectarine";

/** Finds what an outcome must not hold in its reason, code and fix, and in the receipt. */
export function leaksIn(outcome: Outcome, options: { secrets: readonly string[] }): Problem[] {
  const { secrets } = options;
  const said = outcome.kind === "delivered" ? outcome.receipt : { ...outcome, kind: undefined };
  const where = outcome.kind === "delivered" ? "the receipt" : `the outcome ${outcome.kind}`;
  return heldBy(JSON.stringify(said), secrets).map((what) => ({ kind: "leaked", text: `${where} holds ${what}` }));
}

/** The same for the output of a process: an SDK's debug lines end up in a container's log. */
export function leaksInPrint(printed: string, options: { secrets: readonly string[] }): Problem[] {
  return heldBy(printed, options.secrets).map((what) => ({ kind: "leaked", text: `the process printed ${what}` }));
}

function heldBy(text: string, secrets: readonly string[]): string[] {
  const found = [
    NUMBER_DIGITS.test(text) && "a phone number",
    Object.values(WORDS).some((words) => text.includes(words)) && "a text of the call",
    /nectarine/.test(text) && "the text of a bad answer",
    secrets.some((secret) => text.includes(secret)) && "a secret of its settings",
  ];
  return found.filter((what) => what !== false);
}

/** Credentials among a destination's settings, by their keys, and the parts of an address behind its host. */
export function secretsOf(settings: Record<string, string>): string[] {
  return Object.entries(settings).flatMap(([key, text]) => {
    const url = URL.parse(text);
    if (url && /^https?:$/.test(url.protocol))
      return [url.password, url.search, ...url.pathname.split("/")].filter((part) => part.length >= 12);
    return /token|secret|password|key/i.test(key) && text.length >= 6 ? [text] : [];
  });
}
