/** Finding a person's calls by a phone number: what somebody may mean by the digits they typed, and whether a text is that number. */
import { type PhoneNumber, parsePhoneNumberFromString } from "libphonenumber-js";
import { isSameNumber } from "./phone.ts";

export interface WantedNumber {
  /** What was meant, in E.164: several where a number without its country could be of several. */
  numbers: string[];
  /** Calling codes of our own numbers: in their countries a number without its country is read first. */
  homeCodes: string[];
  /** A number that is none for the telephone network (a short code, an address of SIP), compared as it is written. */
  literal: string | undefined;
}

/** Digits as people type them, an extension behind them. */
const WRITTEN = /^\+?[\d\s().\-/\u2010-\u2015\u00a0]{4,30}\d(\s*[;,]?\s*(ext\.?|extension|x|#|;ext=)\s*\d{1,7})?$/i;
const WITHIN = /(?<![\w+])\+?\(?\d[\d\s().\-/\u2010-\u2015\u00a0]{4,24}\d(?!\w)/g;
const MIN_DIGITS = 7;

/**
 * Undefined: it is no number and no address of one. `numbers` is empty where the digits may be a number and nothing says of which country:
 * `ownNumbers` do, as routes.yaml has them.
 */
export function wantedNumber(typed: string, ownNumbers: readonly string[]): WantedNumber | undefined {
  const homeCodes = [...new Set(ownNumbers.flatMap((own) => parsePhoneNumberFromString(own)?.countryCallingCode ?? []))];
  const text = userPart(typed);
  if (!WRITTEN.test(text)) return isSipAddress(typed) ? { numbers: [], homeCodes, literal: sipAddress(typed) } : undefined;
  const international = withPlus(text);
  const read = international.startsWith("+")
    ? [parse(international)]
    : homeCodes.map((defaultCallingCode) => parse(international, defaultCallingCode));
  const possible = read.filter((one) => one?.isPossible()) as PhoneNumber[];
  const valid = possible.filter((one) => one.isValid());
  const numbers = [...new Set((valid.length > 0 ? valid : possible).map(({ number }) => String(number)))];
  return { numbers, homeCodes, literal: digitsOf(text).length < MIN_DIGITS ? digitsOf(text) : undefined };
}

/** Whether a value as a whole is the number, however it is written: as a number, with an extension, as an address. */
export function isWantedNumber(value: string | number, wanted: WantedNumber): boolean {
  const written = String(value);
  const { literal } = wanted;
  if (literal !== undefined && (sipAddress(written) === literal || digitsOnly(written) === literal)) return true;
  const text = userPart(written);
  return WRITTEN.test(text) && isOneOf(text, wanted);
}

/** Whether the number stands somewhere in a text. */
export function mentionsNumber(text: string, wanted: WantedNumber): boolean {
  if (wanted.numbers.length === 0) return false;
  return (text.match(WITHIN) ?? []).some((run) => isOneOf(run.trim(), wanted));
}

function isOneOf(text: string, { numbers, homeCodes }: WantedNumber): boolean {
  const [homeCode = ""] = homeCodes.length === 1 ? homeCodes : [];
  return digitsOf(text).length >= MIN_DIGITS && numbers.some((number) => isSameNumber(text, { number, homeCode }));
}

function parse(text: string, defaultCallingCode?: string): PhoneNumber | undefined {
  return parsePhoneNumberFromString(text, { extract: false, ...(defaultCallingCode !== undefined && { defaultCallingCode }) });
}

/** `00` and `011` are dialled before a country in most of the world and in North America; no number of ten digits begins so at home. */
function withPlus(text: string): string {
  return text.replace(/^\s*(00|011[\s.-]*(?=[1-9]))(?=[\s\d(.-]{9,})/, "+");
}

const digitsOf = (text: string) => text.replace(/\D/g, "");
const digitsOnly = (text: string) => (/^\s*\d+\s*$/.test(text) ? text.trim() : undefined);

/** Of `sip:+14155550123@host;user=phone` and `tel:+1-415-555-0123` the number. */
function userPart(text: string): string {
  const bare = text.trim().replace(/^(tel|sips?):/i, "");
  return (bare.includes("@") ? bare.slice(0, bare.indexOf("@")) : bare).replace(/;(?!ext=).*$/i, "");
}

const isSipAddress = (text: string) => /^\s*(sips?:)?[^\s@]+@[^\s@]+\s*$/i.test(text);

/** `anna@voip.example`, without scheme and parameters, in small letters; undefined for what is no address. */
function sipAddress(text: string): string | undefined {
  if (!isSipAddress(text)) return undefined;
  return text
    .trim()
    .replace(/^sips?:/i, "")
    .replace(/[;?].*$/, "")
    .toLowerCase();
}
