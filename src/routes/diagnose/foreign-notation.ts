import type { Piece } from "../file/variable-syntax.ts";
import type { Finding } from "./problems.ts";

/**
 * How other tools write what stands for a value. Nobody fills these in here: a secret would be the text itself, and all who know the text could
 * sign with it. `whole`: only where nothing else stands beside it. `values`: also in what comes from the environment or a file.
 */
interface Notation {
  pattern: RegExp;
  hint: string;
  whole?: true;
  values?: true;
  /** Also in a text of `with`, which may hold templates and prose. */
  inTexts?: true;
}

const NAME = 'Write ${NAME}; a value that begins with a dollar sign is written with "$$".';
const NOTATIONS: readonly Notation[] = [
  { pattern: /^\$[A-Za-z_]\w*$/, hint: NAME, whole: true, values: true },
  { pattern: /^\$[A-Z_][A-Z0-9_]*$/, hint: NAME, whole: true, values: true, inTexts: true },
  { pattern: /(?<![\w$])\$[A-Z_][A-Z0-9_]{2,}(?!\w)/, hint: NAME },
  { pattern: /\$ +\{/, hint: "No blank before the brace: ${NAME}.", inTexts: true },
  { pattern: /\$\([^)]*\)/, hint: "Write ${NAME}: nothing is run, and brackets are not braces.", values: true },
  { pattern: /^\$\([^)]*\)$/, hint: "Write ${NAME}: nothing is run, and brackets are not braces.", whole: true, inTexts: true },
  { pattern: /^%\w+%$/, hint: "Write ${NAME}.", whole: true, values: true, inTexts: true },
  { pattern: /%[A-Z0-9_]*[G-Z_][A-Z0-9_]*%/, hint: "Write ${NAME}." },
  { pattern: /\{\{.*?\}\}|\{%.*?%\}/s, hint: "A setting is no template: write ${NAME}.", values: true },
  { pattern: /<%.*?%>/s, hint: "Write ${NAME}.", values: true, inTexts: true },
  { pattern: /#\{[^}]+\}/, hint: "Write ${NAME}, with a dollar sign.", values: true },
  { pattern: /\$env:\w+/i, hint: "Write ${NAME}." },
  { pattern: /^((process\.)?env[.:]|os\.environ|getenv\(|env\()\S+$|^env\[.*\]$/i, hint: "Write ${NAME}.", whole: true, values: true },
  {
    pattern:
      /^[A-Z][A-Z0-9]*_([A-Z0-9]+_)*(SECRET|TOKEN|KEY|PASSWORD|PASS|URL|CREDENTIALS)(_[A-Z0-9]+)*$|^(SECRET|TOKEN|KEY|PASSWORD|URL)_[A-Z0-9_]+$/,
    hint: "This is the name of a variable: write ${NAME}.",
    whole: true,
    values: true,
  },
  {
    pattern:
      /^(op|vault|secret|secrets|ssm|sm|awssm|aws-sm|awssecret|gcpsm|gcp-sm|gcpsecret|azurekeyvault|keyvault|azkv|doppler|bws|infisical|akeyless|sops|conjur|ref\+\w+):/i,
    hint: "References into a vault are not followed. Let its own tool set a variable or write a file, and name that: ${NAME} or ${file:/path}.",
    whole: true,
    values: true,
  },
  {
    pattern: /^(arn:aws[\w-]*:(secretsmanager|ssm|kms):|projects\/[^/]+\/secrets\/|@Microsoft\.KeyVault\(|ENC[[(]|\$ANSIBLE_VAULT;)/,
    hint: "Nothing is fetched or decrypted here. Let the tool set a variable or write a file, and name that: ${NAME} or ${file:/path}.",
    whole: true,
    values: true,
  },
  {
    pattern: /^@?(file:)?\/{1,3}(var|run|etc|opt|home|mnt|vault|secrets|app|root|Users|tmp)\/\S+$/,
    hint: "This is the name of a file: write ${file:/path}.",
    whole: true,
    values: true,
  },
];

/**
 * What of a text looks like a variable and is none, with the place in the text as it is written. Quotes nothing: it may be a secret after all.
 * A secret is refused for it, anything else is warned of.
 * @param options.filled with its variables' values, where they are known.
 */
export function foreignNotation(options: {
  text: string;
  pieces: readonly Piece[];
  filled: string | undefined;
  secret: boolean;
  isText: boolean;
}): { offset: number; finding: Omit<Finding, "at"> } | undefined {
  const { text, pieces, filled, secret, isText } = options;
  const looked = NOTATIONS.filter(({ inTexts }) => !isText || inTexts);
  const severity = secret ? "error" : "warning";
  for (const { from, written, whole } of writtenParts(text, pieces)) {
    for (const notation of looked) {
      if (notation.whole && !whole) continue;
      const at = notation.pattern.exec(notation.whole ? written.trim() : written)?.index;
      if (at !== undefined) return { offset: from + at, finding: { message: NO_VARIABLE, hint: notation.hint, severity } };
    }
  }
  if (filled === undefined) return undefined;
  const value = filled.trim();
  // Written with "$$", it is meant so; a secret never is.
  if ((secret || !text.includes("$$")) && /\$\{[^}]*\}?/.test(value)) return { offset: 0, finding: { ...UNFILLED, severity } };
  const found = pieces.every((piece) => piece.kind === "text")
    ? undefined
    : looked.find(({ values, pattern }) => values && pattern.test(value));
  return found && { offset: 0, finding: { ...UNFILLED, severity } };
}

const NO_VARIABLE = "this is taken as it stands: it is no variable";
const UNFILLED = {
  message: 'the value is itself a variable that nobody has filled in: it holds "${…}" or the like',
  hint: "Variables of .env and of files are read as they are. Put the value itself there, or nest here: ${A:-${B}}.",
};

/** Put in place of what is no plain text: private-use characters, which nobody writes. */
const OPENING = "\uE000";
const CLOSING = "\uE001";
const HIDDEN = "\uE002";

interface Part {
  from: number;
  written: string;
  /** It is the whole text, or a whole default. */
  whole: boolean;
}

/** The parts of a text between its variables, defaults among them; what "$$" stands for is left out. */
function writtenParts(text: string, pieces: readonly Piece[]): Part[] {
  const chars = text.split("");
  const hide = (some: readonly Piece[]) => {
    for (const piece of some) {
      if (piece.kind === "file" || (piece.kind === "variable" && !piece.fallback)) chars.fill(HIDDEN, piece.offset, piece.end);
      if (piece.kind !== "variable" || !piece.fallback) continue;
      chars.fill(OPENING, piece.offset, piece.offset + `\${${piece.name}:-`.length);
      chars.fill(CLOSING, piece.end - 1, piece.end);
      hide(piece.fallback);
    }
  };
  hide(pieces);
  for (const { index } of text.matchAll(/\$\$/g)) chars.fill(HIDDEN, index, index + 2);
  return [...chars.join("").matchAll(/[^\uE000-\uE002]+/g)].map(({ index: from, 0: written }) => {
    const [before, behind] = [chars[from - 1], chars[from + written.length]];
    return { from, written, whole: (before === undefined && behind === undefined) || (before === OPENING && behind === CLOSING) };
  });
}
