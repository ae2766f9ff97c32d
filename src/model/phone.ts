/** Phone numbers as people type them: the one place that knows their forms. What a text means stands in phone-text.ts. */
import { getCountries, getCountryCallingCode, Metadata, type PhoneNumber, parsePhoneNumberFromString } from "libphonenumber-js";
import { memoize } from "../lib/cache/memoize.ts";
import { numbersIn, plainNumber, type TypedNumber } from "./phone-text.ts";

/** What is dialled before a country: most of the world, North America, Australia, Japan, Russia and its neighbours. */
const DIALLING_PREFIXES = ["00", "011", "0011", "010", "810"];
/** What was dialled before a number within its country and is not any more, or is besides: people's lists are older than number plans. */
const OLDER_TRUNKS: Record<string, string[]> = { "52": ["01", "044", "045"], "370": ["8"], "375": ["80"], "380": ["80"] };
/** Shorter ones are a part of too many others to ask a CRM for, or to belong to a caller from abroad. */
const LEAST_ASKED = 6;
const LEAST_ABROAD = 8;
/** No number plan has longer ones in use: what is longer and begins with a dialling prefix is dialled from there. */
const LONGEST_AT_HOME = 12;
const MOST_DIGITS = 20;
const TAIL = 6;
const MAX_FORMS = 16;
const MAX_SPELLINGS = 40;

interface Forms {
  code: string;
  /** What is dialled before the national number in its country: "" where nothing is, or the country's own code. */
  trunk: string;
  /** What every form ends with. */
  tail: string;
  /** Without the country, the national number first. */
  unnamed: string[];
  /** With the country, as after a plus: in full, then as in +44 (0)20 …, then odder ones. */
  named: string[];
  /** Of the named ones those that stand behind a dialling prefix. */
  dialled: string[];
}

const formsOf = memoize((number): Forms => {
  const parsed = parsePhoneNumberFromString(number);
  if (!parsed) return { code: "", trunk: "", tail: "", unnamed: [], named: [], dialled: [] };
  const code = parsed.countryCallingCode as string;
  const national = parsed.nationalNumber as string;
  const prefix = trunkOf(code);
  // In Italy the zero is a part of the number, and in America the trunk prefix is the country.
  const trunk = prefix !== "" && prefix !== code && readAs(prefix + national, code)?.number === number ? prefix : "";
  const usual = trunk === "" ? [] : [trunk + national];
  const older = (OLDER_TRUNKS[code] ?? []).map((prefix) => prefix + national);
  const mobiles = olderForms(code, national).map((form) => form.slice(code.length));
  const unnamed = unique([national, ...usual, digitsOf(parsed.formatNational()), ...mobiles, ...older]);
  const dialled = [code + national, ...[...usual, ...older.slice(0, 1)].map((form) => code + form)];
  const named = unique([...dialled, code + code + national, ...unnamed.slice(1).map((form) => code + form)]);
  return { code, trunk, tail: national.slice(-TAIL), unnamed, named, dialled };
});

/** As it would be after a plus in another year: Mexico's mobiles had a 1 until 2019, Argentina's have a 9 when called from abroad. */
function olderForms(code: string, national: string): string[] {
  if (code === "52") return [national.length === 11 && national.startsWith("1") ? `52${national.slice(1)}` : `521${national}`];
  return code === "54" && national.startsWith("9") ? [`54${national.slice(1)}`] : [];
}

/** What is dialled before a number within its country: "0" in most, "" where nothing is. */
const trunkOf = memoize((code) => {
  const country = getCountries().find((one) => getCountryCallingCode(one) === code);
  if (country === undefined) return "";
  const metadata = new Metadata();
  metadata.selectNumberingPlan(country);
  // Present, and left out of the library's types only.
  const plan = metadata.numberingPlan as { nationalPrefix?(): string | undefined } | undefined;
  return plan?.nationalPrefix?.() ?? "";
});

/**
 * The digits under which a number may be stored in a CRM, the likeliest first: national, with its trunk prefix, with its country, then with what
 * is dialled before that. Only digits, 6 to 20 of them and at most 16 forms, so that each may go into a query as it is. A search that ignores what
 * stands around digits finds all but extensions and second numbers by them; {@link isSameNumber} tells then who has it.
 */
export function storedForms(number: string): string[] {
  const { unnamed, named, dialled } = formsOf(number);
  const behind = DIALLING_PREFIXES.map((prefix, index) => (index < 2 ? dialled : dialled.slice(0, 1)).map((form) => prefix + form));
  const forms = unique([...unnamed.slice(0, 3), ...dialled, ...behind.slice(0, 2).flat(), ...named, ...unnamed, ...behind.flat()]);
  return forms.filter((form) => form.length >= LEAST_ASKED && form.length <= MOST_DIGITS).slice(0, MAX_FORMS);
}

/**
 * The groups of digits in which a number is usually typed, for a search by words: `20 7946 0104`, `020 7946 0104`. At least two groups and six
 * digits each.
 */
export function typedGroups(number: string): string[] {
  const parsed = parsePhoneNumberFromString(number);
  if (!parsed) return [];
  const inWords = (text: string) => text.replace(/\D+/g, " ").trim();
  const groups = [groupsOf(parsed).join(" "), inWords(parsed.formatNational())];
  return unique(groups).filter((text) => text.includes(" ") && digitsOf(text).length >= LEAST_ASKED);
}

/** Its usual spellings, at most 40, for fields that a CRM compares as text only; the likeliest first. */
export function spelledForms(number: string): string[] {
  const parsed = parsePhoneNumberFromString(number);
  if (!parsed) return [];
  const { code, trunk, named } = formsOf(number);
  const [area = "", ...rest] = groupsOf(parsed);
  const inner = trunk === "" ? [area] : [trunk + area, area];
  const joined = (head: string, between: string, first = between) => [head, rest.join(between)].filter((part) => part !== "").join(first);
  const plain = inner.flatMap((head) => [
    joined(`(${head})`, "-", " "),
    joined(head, "-"),
    joined(head, " "),
    joined(`(${head})`, " "),
    joined(head, "."),
    joined(head, "/", "/"),
  ]);
  const withCode = [`+${code}`, code, `00${code}`].flatMap((head) => [
    `${head} ${joined(area, " ")}`,
    `${head} ${joined(area, "-")}`,
    `${head}-${joined(area, "-")}`,
    `${head} ${joined(`(${area})`, "-", " ")}`,
  ]);
  const bracketed = trunk === "" ? [] : [`+${code} (${trunk})${joined(area, " ")}`, `+${code} (${trunk}) ${joined(area, " ")}`];
  const spelled = [
    number,
    parsed.formatNational(),
    parsed.formatInternational(),
    ...plain,
    ...withCode,
    ...bracketed,
    ...storedForms(number),
    ...named.map((form) => `+${form}`),
  ];
  return unique(spelled).slice(0, MAX_SPELLINGS);
}

/** As after the country: ["20", "7946", "0104"]. */
function groupsOf(parsed: PhoneNumber): string[] {
  return parsed.formatInternational().split(/\D+/).slice(2);
}

/**
 * Whether one of the numbers that stand in a field of a CRM, typed in any way, is the customer's (E.164). An extension does not count. One without
 * its country is read as one of the customer's, unless it is a good number of our own country (`homeCode`, "" where it is not known) and that is
 * another one: (415) 555-0199 is not the caller +49 4155 550199.
 */
export function isSameNumber(stored: string | null | undefined, options: { number: string; homeCode: string }): boolean {
  const { number, homeCode } = options;
  const forms = formsOf(number);
  if (!stored || forms.code === "") return false;
  return numbersIn(stored).some((typed) => isOne({ typed, number, homeCode, forms }));
}

function isOne(options: { typed: TypedNumber; number: string; homeCode: string; forms: Forms }): boolean {
  const { typed, number, homeCode, forms } = options;
  const { digits, hasPlus } = typed;
  const { code, tail, unnamed, named } = forms;
  // Reading a number costs a hundred times as much.
  if (!digits.endsWith(tail)) return false;
  if (hasPlus) return named.includes(digits) || parsePhoneNumberFromString(`+${digits}`)?.number === number;
  if (digits.startsWith("00") && named.includes(digits.slice(2))) return true;
  const atHome = homeCode === "" || homeCode === code ? undefined : readAs(digits, homeCode);
  const isAnothers = atHome?.isValid() === true && atHome.number !== number;
  const isDialled = DIALLING_PREFIXES.some((prefix) => digits.startsWith(prefix) && named.includes(digits.slice(prefix.length)));
  if (isDialled) return digits.length > LONGEST_AT_HOME || !isAnothers;
  // Nobody leaves the trunk prefix of home away: without it the digits begin with a country.
  if (named.includes(digits)) return !isAnothers || needsTrunk(digits, homeCode);
  const isUnnamed = unnamed.includes(digits) || readAs(digits, code)?.number === number;
  return isUnnamed && !isAnothers && (digits.length >= LEAST_ABROAD || homeCode === code);
}

function needsTrunk(digits: string, homeCode: string): boolean {
  const trunk = trunkOf(homeCode);
  return trunk !== "" && trunk !== homeCode && !digits.startsWith(trunk);
}

/** A number in E.164, whatever stands around its digits, where its country is in it: +44 (0)20 …, 0044 20 …, tel:+44…; undefined for what is none. */
export function e164Of(written: string | undefined): string | undefined {
  const [, dialled, rest] = /^(\+|00)([\d\s().\-/]{5,})$/.exec(plainNumber(written ?? "")) ?? [];
  return dialled === undefined ? undefined : parsePhoneNumberFromString(`+${rest}`)?.number;
}

/**
 * As {@link e164Of}, but "" for what is none: withheld callers, SIP addresses, short codes, numbers without a country.
 * Asks for a possible length only: number plans change, and a customer of a new range must still be found.
 */
export function toE164(number: string): string {
  const written = e164Of(number);
  return written !== undefined && parsePhoneNumberFromString(written)?.isPossible() ? written : "";
}

/** The country calling code of a number in E.164: `44`; "" for what is none. */
export function callingCodeOf(number: string): string {
  return parsePhoneNumberFromString(number)?.countryCallingCode ?? "";
}

function readAs(digits: string, code: string): PhoneNumber | undefined {
  return parsePhoneNumberFromString(digits, { defaultCallingCode: code });
}

function digitsOf(text: string): string {
  return text.replace(/\D/g, "");
}

function unique(texts: string[]): string[] {
  return [...new Set(texts)];
}
