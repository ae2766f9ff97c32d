import { Lexer } from "yaml";
import type { z } from "zod";
import { type Connector, Secret } from "../../connector/index.ts";
import { isSecret } from "../../connector/kit/settings.ts";
import type { RoutesDocument } from "./document.ts";
import { defaultTexts, hasVariables, piecesOf, WITHHELD } from "./variable-syntax.ts";

/** Keys of a connector's settings that hold secrets, or groups of them (`headers`): those whose schema makes a `Secret`, whatever it refuses. */
export function secretKeysOf(settings: z.ZodObject): Set<string> {
  const keys = Object.entries(settings.shape).filter(([key, schema]) => {
    if (isSecret(schema)) return true;
    // One that makes its `Secret` itself.
    const probes = ["probe", "https://probe.example/", { Probe: "probe" }].map((probe) => (schema as z.ZodType).safeParse(probe));
    const taken = probes.filter(({ success }) => success);
    // A secret with rules of its own may refuse them all; its name tells then.
    return taken.length > 0 ? taken.some(({ data }) => holdsSecret(data)) : SECRET_NAME.test(key);
  });
  return new Set(keys.map(([key]) => key));
}

function holdsSecret(value: unknown): boolean {
  return value instanceof Secret || (typeof value === "object" && value !== null && Object.values(value).some(holdsSecret));
}

const SECRET_NAME = /secret|token|password|passphrase|private_?key|api_?key|credential/i;
/**
 * An address of a file or a store without a password in it is no secret, though its key holds one elsewhere: `duckdb:data/calls.duckdb`,
 * `s3://bucket`, `postgres://db/calls`. A web address may be one as a whole (Slack's, Teams' and Discord's webhooks are).
 */
export function isOpenAddress(key: string, text: string): boolean {
  return key === "url" && /^(?!https?:)[a-z][a-z0-9+.-]*:[^\s@]+$/i.test(text) && !SECRET_NAME.test(text);
}

const SECRET_LINE = new RegExp(`^(.*?(?:${SECRET_NAME.source})[\\w-]*["']?\\s*:\\s*)(.*)$`, "i");

/**
 * The file's text for showing, with every secret that is written out in it replaced, sign by sign, so that columns stay: whatever stands
 * under a key that is a secret of some connector or is named like one, and the password in a URL.
 * In a file that could not be read there are no places; there it goes by lines.
 */
export function maskSecrets(options: Masking): string {
  return mask(options, MASK);
}

/** The file for the ledger, where no secret has a place. */
export interface Copy {
  /** {@link WITHHELD} stands for every secret that is written out in the file. */
  text: string;
  /** The file's values hold no such secret: the copy can run in the file's place. */
  isWhole: boolean;
}

/** The copy of a file that could be read. Old secrets in comments are withheld too. */
export function copyForLedger(options: Masking & { document: RoutesDocument }): Copy {
  const isWhole = maskValues(options, MASK) === options.text;
  const text = mask(options, PRIVATE_USE).replaceAll(new RegExp(`${PRIVATE_USE}+`, "g"), WITHHELD);
  return { text, isWhole };
}

interface Masking {
  text: string;
  document?: RoutesDocument;
  connectors: Record<string, Connector>;
}

const MASK = "•";
/** A character that nobody writes. */
const PRIVATE_USE = "\uE000";

function mask(options: Masking, sign: string): string {
  const masked = maskValues(options, sign);
  const isRead = options.document !== undefined && options.document.value !== undefined;
  return isRead ? maskComments(masked, sign) : maskLines(masked, sign);
}

function maskValues({ text, document, connectors }: Masking, sign: string): string {
  const known = new Set(Object.values(connectors).flatMap((connector) => [...secretKeysOf(connector.settings)]));
  const signs = text.split("");
  for (const { key, start, end } of document?.scalarsUnder((key) => known.has(key) || SECRET_NAME.test(key)) ?? []) {
    const written = text.slice(start, end);
    const isOpen = (one: string) => isOpenAddress(key, one.replace(/^["']|["']$/g, ""));
    if (isOpen(written)) continue;
    // Beside variables it is their defaults that are written out.
    const pieces = piecesOf(written);
    const parts = pieces.some(({ kind }) => kind !== "text") ? defaultTexts(pieces) : [{ text: written, offset: 0, end: end - start }];
    for (const part of parts) {
      if (isOpen(part.text)) continue;
      for (let i = start + part.offset; i < start + part.end; i += 1) if (!/\s/.test(signs[i] ?? "")) signs[i] = sign;
    }
  }
  return signs.join("").replace(/(:\/\/[^\s:/@"']*:)([^\s@"']+)(@)/g, (_, before: string, password: string, after: string) => {
    return before + (hasVariables(password) ? password : sign.repeat(password.length)) + after;
  });
}

/** A comment that looks like a setting: an earlier secret is often left there. Other words of it stay. */
function maskComments(text: string, sign: string): string {
  let isScalar = false;
  const tokens: string[] = [];
  for (const token of new Lexer().lex(text)) {
    // These mark a document's begin and end, and that a plain or a block scalar follows; they are not in the text.
    const isMark = ["\x02", "\x18", "\x1f"].includes(token);
    const isComment = !isMark && !isScalar && token.startsWith("#");
    isScalar = token === "\x1f";
    if (!isMark) tokens.push(isComment ? maskLine(token, sign) : token);
  }
  return tokens.join("");
}

function maskLine(line: string, sign: string): string {
  const [, before, value = ""] = SECRET_LINE.exec(line) ?? [];
  return before === undefined || value.includes("${") ? line : before + value.replace(/[^\s"'[\]{},]/g, sign);
}

/** For a file that cannot be read: by the names at the beginnings of its lines. */
function maskLines(text: string, sign: string): string {
  // Indentation of the key whose block (`token: |`, `secrets:` and a list) is being passed.
  let block: number | undefined;
  return text
    .split("\n")
    .map((line) => {
      const indent = line.search(/\S/);
      if (block !== undefined && (indent === -1 || indent > block)) return line.includes("${") ? line : line.replace(/[^\s-]/g, sign);
      block = undefined;
      const [, before, value = ""] = SECRET_LINE.exec(line) ?? [];
      if (before === undefined) return line;
      if (/^\s*([|>][-+0-9]*)?\s*(#.*)?$/.test(value)) {
        block = indent;
        return line;
      }
      return maskLine(line, sign);
    })
    .join("\n");
}
