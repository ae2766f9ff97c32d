import type { Finding } from "../diagnose/problems.ts";
import { isOpenAddress } from "./secrets.ts";
import type { Piece } from "./variable-syntax.ts";

type Said = { offset: number; finding: Omit<Finding, "at"> };

/** A secret that signs must not be found by trying: 16 characters of 64 kinds are 96 bits. */
const MIN_SIGNING_CHARACTERS = 16;

/** What people and tools write where a secret is to come. Compared in small letters, as a whole. */
const PLACEHOLDERS: readonly RegExp[] = [
  /^(please[-_ ]?)?(change|replace|fill|insert|enter|paste)[-_ ]?(it|me|this|in|your|the|a)?([-_ ].*)?$/,
  /^<.*>$|^\[.*\]$/,
  /^(.*[-_ ])?(your|my)[-_ ]/,
  /[-_ ](here|goes[-_ ]here|placeholder|example)$/,
  /^(secret|token|password|passwd|pass|key|api[-_ ]?key|access[-_ ]?token|bot[-_ ]?token|webhook[-_ ]?secret|credentials?)$/,
  /^(todo|tbd|fixme|none|null|nil|undefined|n\/a|empty|true|false|yes|no)$/,
  /^(test|testing|example|dummy|sample|demo|placeholder|default|redacted|hidden|removed|foo|bar|foobar|letmein|admin|root|qwerty|abc123)$/,
  /^(x{3,}|[*•.…#?_-]{3,}|0{3,}|1234\d*)$/,
  /x{5,}/,
  /^\[?(object object|secret)\]?$/,
];

/** Secrets of published examples, in small letters: ours in docs/voiceinfra.md, and the one of Standard Webhooks and Svix. */
const PUBLISHED = ["patchbay-example-secret", "whsec_mfkq9r8gkyqrtwjupd8ilpzio2lalasw"];

/** In an address, whose other parts are words of any kind. */
const PLACEHOLDER_IN_ADDRESS = /:\/\/.*(<[^>]+>|x{4,}|\byour[-_])/;

/** What speaks against a secret's value: not wrong in itself, and hardly meant. Never quotes it. */
export function weaknessesOf(options: { key: string; pieces: readonly Piece[]; filled: string | undefined }): Said[] {
  const { key, pieces, filled } = options;
  const found: Said[] = [];
  const warn = (offset: number, message: string, hint: string) => found.push({ offset, finding: { message, hint, severity: "warning" } });
  const written = defaultWrittenOut(key, pieces);
  if (written !== undefined) {
    warn(
      written,
      "a secret has a default that is written out in the file",
      "If the variable is missing, everybody who has read the file knows the secret. Take the default away, or let it be a variable: ${A:-${B}}.",
    );
  }
  if (filled === undefined || filled === "" || isOpenAddress(key, filled)) return found;
  if (filled.trim() === "") {
    found.push({ offset: 0, finding: { message: "the secret is blank", hint: "A secret cannot be empty." } });
    return found;
  }
  if (filled !== filled.trim() && !filled.includes("-----BEGIN")) {
    warn(0, "the secret begins or ends with white space", "A line end or a blank belongs to it then. Is it meant?");
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd]/.test(filled)) {
    warn(0, "the secret holds characters that cannot be typed", "Is its file text in UTF-8, and the right one?");
  }
  const words = filled.trim().toLowerCase();
  if (PUBLISHED.includes(words)) {
    warn(0, "the secret is the one of a published example", "Everybody can sign with it. Make one of your own: openssl rand -hex 32.");
    return found;
  }
  if (words.includes("://") ? PLACEHOLDER_IN_ADDRESS.test(words) : PLACEHOLDERS.some((pattern) => pattern.test(words))) {
    warn(0, "the secret looks like a placeholder", "Put the real one in its place.");
  }
  return found;
}

/** Where a default stands that is text of the file, rather than another variable. */
function defaultWrittenOut(key: string, pieces: readonly Piece[]): number | undefined {
  for (const piece of pieces) {
    if (piece.kind !== "variable" || !piece.fallback) continue;
    if (piece.fallback.some((one) => one.kind === "text" && one.text.trim() !== "" && !isOpenAddress(key, one.text))) return piece.offset;
    const inner = defaultWrittenOut(key, piece.fallback);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** Of a secret that signs: whether it is so short that it could be found by trying. */
export function isShort(secret: string): boolean {
  return secret.trim().length < MIN_SIGNING_CHARACTERS;
}
