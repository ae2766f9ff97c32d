/** What a value is, as far as a template alone tells. */
export type Kind = "text" | "number" | "time" | "flag" | "list" | "anything";

/**
 * What a filter takes behind its colon. `count`: a whole number of 0 or more; `divisor`: a number other than 0; `zone`: a time zone; `format`: of a
 * date; a list: one of these words.
 */
export type Parameter = "text" | "number" | "count" | "divisor" | "zone" | "format" | "anything" | readonly string[];

export interface FilterShape {
  /** What it works on; where absent, on anything. */
  of?: Kind;
  takes: readonly Parameter[];
  /** How many of them must be given. */
  needs: number;
  gives: Kind;
  /** Words that may stand before a value: `default: "x", allow_false: true`. */
  named?: readonly string[];
}

const text = (...takes: Parameter[]): FilterShape => ({ takes, needs: takes.length, gives: "text" });
const optional = (shape: FilterShape, needs = 0): FilterShape => ({ ...shape, needs });
const calculation = (...takes: Parameter[]): FilterShape => ({ of: "number", takes, needs: takes.length, gives: "number" });
const ofTime = (...takes: Parameter[]): FilterShape => ({ of: "time", takes, needs: 0, gives: "text" });
const ofList = (gives: Kind, ...takes: Parameter[]): FilterShape => ({ of: "list", takes, needs: takes.length, gives });
/** Of a text they make one of its letters, or the text itself. */
const any = (gives: Kind, ...takes: Parameter[]): FilterShape => ({ takes, needs: 0, gives });

/**
 * Every filter there is, with what it takes: what is written out is checked when the file is loaded. A test holds this list against the engine's, so
 * that a new version of it brings no filter that is not checked.
 */
export const FILTERS: Readonly<Record<string, FilterShape>> = {
  abs: calculation(),
  append: text("text"),
  array_to_sentence_string: any("text", "text"),
  at_least: calculation("number"),
  at_most: calculation("number"),
  base64_decode: text(),
  base64_encode: text(),
  capitalize: text(),
  ceil: calculation(),
  cgi_escape: text(),
  compact: any("list"),
  concat: { ...any("list", "anything"), needs: 1 },
  date: ofTime("format", "zone"),
  date_to_long_string: ofTime(["ordinal"], ["US", "UK"]),
  date_to_rfc822: ofTime(),
  date_to_string: ofTime(["ordinal"], ["US", "UK"]),
  date_to_xmlschema: ofTime(),
  default: { takes: ["anything"], needs: 1, gives: "anything", named: ["allow_false"] },
  divided_by: optional(calculation("divisor", "anything"), 1),
  downcase: text(),
  duration: { of: "number", takes: [], needs: 0, gives: "text" },
  escape: text(),
  escape_once: text(),
  find: optional(ofList("anything", "text", "anything"), 1),
  find_index: optional(ofList("number", "text", "anything"), 1),
  first: any("anything"),
  floor: calculation(),
  group_by: ofList("list", "text"),
  has: optional(ofList("flag", "text", "anything"), 1),
  hmac_sha256: text("text"),
  inspect: any("text", "number"),
  join: any("text", "text"),
  json: any("text", "number"),
  jsonify: any("text", "number"),
  last: any("anything"),
  lstrip: optional(text("text")),
  map: ofList("list", "text"),
  minus: calculation("number"),
  modulo: calculation("divisor"),
  newline_to_br: text(),
  normalize_whitespace: text(),
  number_of_words: { takes: [["cjk", "auto"]], needs: 0, gives: "number" },
  plus: calculation("number"),
  pop: any("list"),
  prepend: text("text"),
  push: { ...any("list", "anything"), needs: 1 },
  raw: any("anything"),
  reject: optional(ofList("list", "text", "anything"), 1),
  remove: text("text"),
  remove_first: text("text"),
  remove_last: text("text"),
  replace: optional(text("text", "text"), 1),
  replace_first: optional(text("text", "text"), 1),
  replace_last: optional(text("text", "text"), 1),
  reverse: any("list"),
  round: optional(calculation("number")),
  rstrip: optional(text("text")),
  sample: any("anything", "count"),
  sha256: text(),
  shift: any("list"),
  size: any("number"),
  slice: { takes: ["number", "count"], needs: 1, gives: "anything" },
  slugify: optional(text(["raw", "default", "pretty", "ascii", "latin", "none"], "anything")),
  sort: any("list", "text"),
  sort_natural: any("list", "text"),
  split: { takes: ["text"], needs: 1, gives: "list" },
  squish: text(),
  strip: optional(text("text")),
  strip_html: text(),
  strip_newlines: text(),
  sum: optional(ofList("number", "text")),
  times: calculation("number"),
  to_integer: calculation(),
  truncate: optional(text("count", "text")),
  truncatewords: optional(text("count", "text")),
  uniq: any("list"),
  unshift: { ...any("list", "anything"), needs: 1 },
  upcase: text(),
  uri_escape: text(),
  url_decode: text(),
  url_encode: text(),
  where: optional(ofList("list", "text", "anything"), 1),
  xml_escape: text(),
};

/** What other template languages call them. */
export const FILTERS_ELSEWHERE: Readonly<Record<string, string>> = {
  shorten: "truncate",
  limit: "truncate",
  cut: "truncate",
  ellipsis: "truncate",
  excerpt: "truncate",
  left: "truncate",
  substr: "slice",
  substring: "slice",
  lower: "downcase",
  lowercase: "downcase",
  tolowercase: "downcase",
  upper: "upcase",
  uppercase: "upcase",
  touppercase: "upcase",
  title: "capitalize",
  titlecase: "capitalize",
  capitalise: "capitalize",
  trim: "strip",
  length: "size",
  count: "size",
  len: "size",
  format: "date",
  format_date: "date",
  dateformat: "date",
  strftime: "date",
  time: "date",
  humanize: "duration",
  minutes: "duration",
  or: "default",
  else: "default",
  fallback: "default",
  coalesce: "default",
  nl2br: "newline_to_br",
  tojson: "json",
  to_json: "json",
  int: "to_integer",
  integer: "to_integer",
  number: "to_integer",
  add: "plus",
  subtract: "minus",
  multiply: "times",
  multiplied_by: "times",
  divide: "divided_by",
  div: "divided_by",
  mod: "modulo",
  concatenate: "append",
  striptags: "strip_html",
  urlencode: "url_encode",
  html: "escape",
  e: "escape",
  safe: "raw",
  unique: "uniq",
  filter: "where",
  select: "where",
  pluck: "map",
};
