import { spelledForms, storedForms, typedGroups } from "../../../src/connector/index.ts";
import type { Filter } from "../requests.ts";

/** HubSpot's limits of one search (guide "Search the CRM"). A body may have 3,000 characters, some of which are not filters. */
const MAX_GROUPS = 5;
const MAX_FILTERS_IN_GROUP = 6;
const MAX_FILTERS = 18;
const MAX_FILTER_CHARS = 2_500;
/** This many of the usual spellings are also searched for in full-width signs, as Japanese and Chinese keyboards type them. */
const MOST_WIDE = 8;

/** HubSpot's own copies of its two fields, digits only; no country code in them ("you should refrain from including" it). */
const SEARCHABLE: Record<string, string> = {
  phone: "hs_searchable_calculated_phone_number",
  mobilephone: "hs_searchable_calculated_mobile_number",
};

/** Filters that a record must match together. */
export interface Group {
  filters: Filter[];
}

/** One search: a record matches at least one group. */
export interface PhoneSearch {
  groups: Group[];
  /** It seldom finds anything that the others do not: only worth it for a number that nobody was found by. */
  ifNobody: boolean;
}

/** Searches that find everybody who may have a number in one of these fields, and more people, which are sorted out afterwards. */
export function searchesFor(options: { number: string; fields: readonly string[] }): PhoneSearch[] {
  const { number, fields } = options;
  if (storedForms(number).length === 0) return [];
  const all = [...new Set(fields)];
  const copied = all.filter((field) => SEARCHABLE[field] !== undefined);
  const own = all.filter((field) => SEARCHABLE[field] === undefined);
  const always = packed([...copied.flatMap((field) => copyGroups(number, field)), ...own.flatMap((field) => textGroups(number, field))]);
  const rest = packed(copied.flatMap((field) => wordGroups(number, field)));
  return [...always.map((groups) => ({ groups, ifNobody: false })), ...rest.map((groups) => ({ groups, ifNobody: true }))];
}

/** The copy of a number whose country HubSpot did not recognise has what was typed before the number (0049, 8, 06) and behind it. */
function copyGroups(number: string, field: string): Group[] {
  const propertyName = SEARCHABLE[field] ?? field;
  const forms = storedForms(number);
  const values = [...new Set([...forms.map(withoutZeros), ...forms])];
  return [{ filters: [{ propertyName, operator: "IN", values }] }, { filters: [word(propertyName, `*${nationalOf(number)}*`)] }];
}

/** A field of the account's own has no copy: its texts are searched for usual spellings, and for words. */
function textGroups(number: string, propertyName: string): Group[] {
  const spelled = spelledForms(number).map((text) => text.toLowerCase());
  return [
    { filters: [{ propertyName, operator: "IN", values: [...spelled, ...spelled.slice(0, MOST_WIDE).map(fullWidth)] }] },
    ...wordGroups(number, propertyName),
    // In larger groups than usual.
    ...typedGroups(number).map((text) => ({ filters: endsOf(text).map((value) => word(propertyName, value)) })),
  ];
}

/**
 * Finds a number within a longer text: unbroken, and in groups with anything between them. HubSpot splits texts into words at every sign that is
 * neither letter nor digit; `*` matches any part of a word.
 */
function wordGroups(number: string, propertyName: string): Group[] {
  const grouped = typedGroups(number).map((text) => (/\d{4}$/.test(text) ? endsOf(text) : allOf(text)));
  return [[`*${nationalOf(number)}*`], ...grouped].map((words) => ({ filters: words.map((value) => word(propertyName, value)) }));
}

/** Of `020 7946 0104` the first group and the last four digits: the rest may be grouped in any way. */
function endsOf(groups: string): string[] {
  return [beginningOf(groups), `*${groups.replaceAll(" ", "").slice(-4)}*`];
}

/** The last group may have an extension behind it. */
function allOf(groups: string): string[] {
  const [, ...rest] = groups.split(" ");
  return [beginningOf(groups), ...rest.slice(0, -1), `${rest.at(-1)}*`].slice(-MAX_FILTERS_IN_GROUP);
}

/** The first group may have a dialling prefix, or a country, before it. */
function beginningOf(groups: string): string {
  const [area = ""] = groups.split(" ");
  return `*${withoutZeros(area) || area}`;
}

function word(propertyName: string, value: string): Filter {
  return { propertyName, operator: "CONTAINS_TOKEN", value };
}

function nationalOf(number: string): string {
  return withoutZeros(storedForms(number)[0] ?? "");
}

function fullWidth(text: string): string {
  return text.replace(/[\d+()-]/g, (sign) => String.fromCodePoint((sign.codePointAt(0) ?? 0) + 0xfee0));
}

const withoutZeros = (digits: string) => digits.replace(/^0+/, "");

/** As few searches as possible, with each group once. */
function packed(groups: Group[]): Group[][] {
  const searches: Group[][] = [];
  for (const group of new Map(groups.map((one) => [JSON.stringify(one), one])).values()) {
    const last = searches.at(-1);
    if (last && fits([...last, group])) last.push(group);
    else searches.push([group]);
  }
  return searches;
}

function fits(groups: Group[]): boolean {
  const filters = groups.flatMap((group) => group.filters);
  return groups.length <= MAX_GROUPS && filters.length <= MAX_FILTERS && JSON.stringify(groups).length <= MAX_FILTER_CHARS;
}
