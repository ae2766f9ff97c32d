/** How other languages call what CEL has: the function, and how it is written. Keys in small letters. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  tolowercase: "summary.lowerAscii()",
  tolower: "summary.lowerAscii()",
  lower: "summary.lowerAscii()",
  lowercase: "summary.lowerAscii()",
  downcase: "summary.lowerAscii()",
  touppercase: "summary.upperAscii()",
  toupper: "summary.upperAscii()",
  upper: "summary.upperAscii()",
  uppercase: "summary.upperAscii()",
  upcase: "summary.upperAscii()",
  strip: "summary.trim()",
  includes: 'summary.contains("refund")',
  include: 'summary.contains("refund")',
  has_text: 'summary.contains("refund")',
  match: 'summary.matches("refund|complaint")',
  test: 'summary.matches("refund|complaint")',
  regex: 'summary.matches("refund|complaint")',
  regexp: 'summary.matches("refund|complaint")',
  search: 'summary.matches("refund|complaint")',
  like: 'summary.contains("refund")',
  ilike: 'summary.lowerAscii().contains("refund")',
  length: "size(summary)",
  len: "size(summary)",
  count: "size(metadata.tags)",
  isempty: 'summary == ""',
  empty: 'summary == ""',
  isnotempty: 'summary != ""',
  isnull: "metadata.campaign == null",
  substr: "summary.substring(0, 10), once size(summary) >= 10",
  slice: "summary.substring(0, 10), once size(summary) >= 10",
  left: "summary.substring(0, 10), once size(summary) >= 10",
  replace: 'summary.contains("refund"): a condition changes no text',
  some: 'metadata.tags.exists(tag, tag == "vip")',
  any: 'metadata.tags.exists(tag, tag == "vip")',
  every: 'metadata.tags.all(tag, tag != "spam")',
  find: 'metadata.tags.exists(tag, tag == "vip")',
  now: "start_time, the time of the call: a condition asks the call, not the clock",
  today: "start_time, the time of the call: a condition asks the call, not the clock",
  date: 'timestamp("2026-01-31T09:00:00Z")',
  datetime: 'timestamp("2026-01-31T09:00:00Z")',
  hour: "start_time.getHours()",
  hours: "start_time.getHours()",
  minute: "start_time.getMinutes()",
  day: "start_time.getDate(), or start_time.getDayOfWeek() with 0 for Sunday",
  getday: "start_time.getDayOfWeek(), with 0 for Sunday",
  weekday: "start_time.getDayOfWeek(), with 0 for Sunday",
  dayofweek: "start_time.getDayOfWeek(), with 0 for Sunday",
  month: "start_time.getMonth(), with 0 for January",
  year: "start_time.getFullYear()",
  getyear: "start_time.getFullYear()",
  parseint: "int(metadata.score)",
  number: "double(metadata.score)",
  float: "double(metadata.score)",
  parsefloat: "double(metadata.score)",
  tostring: "string(metadata.ticket)",
  str: "string(metadata.ticket)",
  tonumber: "double(metadata.score)",
};

/** Words and signs that stand between two sides elsewhere. */
const OPERATORS: readonly [pattern: RegExp, hint: string][] = [
  [/^(i?like|rlike|regexp|=~|~=?)(?!\w)/i, 'To look inside a text: summary.contains("refund"), or summary.matches("refund|complaint").'],
  [/^(contains|includes)\b/i, 'It stands behind the text: summary.contains("refund").'],
  [/^(matches|match)\b/i, 'It stands behind the text: summary.matches("refund|complaint").'],
  [/^(starts ?_?with)\b/i, 'It stands behind the text: summary.startsWith("Refund").'],
  [/^(ends ?_?with)\b/i, 'It stands behind the text: summary.endsWith("?").'],
  [/^between\b/i, "Write both ends: duration_seconds >= 30 && duration_seconds <= 60."],
  [/^(is\s+not|isnt|ne|neq|<>|!==)(?!\w)/i, "Write != to compare."],
  [/^(is|eq|equals)\b/i, "Write == to compare."],
  [/^(===)/, "Write == to compare."],
  [/^IN\b/, 'It is written in small letters: agent in ["sales", "support"].'],
  [/^(not\s+in)\b/i, 'Put the "not" before all of it: !(agent in ["sales"]).'],
  [/^(gte?|lte?|greater|less|above|below|over|under)\b/i, "Write <, <=, > or >= to compare."],
  [/^(then|else|if|unless)\b/i, "A condition is one expression; a choice in it is written a ? b : c."],
  [/^[“”„‘’‚«»]/, "Texts stand in straight quotes."],
  [/^;/, "A condition is one expression, without an end sign."],
];

/** How CEL writes a function that people know by another name. */
export function functionElsewhere(name: string): string | undefined {
  const key = name.toLowerCase().replaceAll("_", "");
  const written = Object.hasOwn(FUNCTIONS, key) ? FUNCTIONS[key] : undefined;
  return written === undefined ? undefined : `Write ${written}.`;
}

/** What CEL writes for what stands at the begin of a text. */
export function operatorElsewhere(rest: string): string | undefined {
  return OPERATORS.find(([pattern]) => pattern.test(rest))?.[1];
}
