import type { Liquid } from "liquidjs";
import { didYouMean } from "../../lib/text/did-you-mean.ts";
import { REFUSED_FILTERS, REFUSED_TAGS } from "./engine.ts";
import { FILTERS_ELSEWHERE } from "./filters.ts";
import type { TemplateFinding } from "./finding.ts";

/** The name of the filter that an error says is none. */
export function undefinedFilter(error: unknown): string | undefined {
  return /^undefined filter: (.*)$/.exec(messageOf(error))?.[1];
}

/** Without Liquid's own place, which counts from the begin of the template. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/, (file|line):.*$/s, "") : "cannot be read";
}

/** Liquid's message never quotes a call: it is about the file's own text. Still, ours are shorter and have the place. */
export function explainLiquidError(error: unknown, text: string, liquid: Liquid): TemplateFinding {
  const message = messageOf(error);
  const begin = beginOf(error);
  const within = (word: string) => Math.max(begin, text.indexOf(word, begin));

  const filter = undefinedFilter(error);
  if (filter !== undefined) return { offset: within(filter), ...unknownFilter(filter, liquid) };
  const tag = /^tag "(.*)" not found$/.exec(message)?.[1];
  if (tag !== undefined) {
    const hint = REFUSED_TAGS.includes(tag) ? "Templates read no other files." : didYouMean(tag, Object.keys(liquid.tags));
    return {
      offset: within(tag),
      message: `${REFUSED_TAGS.includes(tag) ? "the tag" : "unknown tag"} "${tag}"${REFUSED_TAGS.includes(tag) ? " is not available" : ""}`,
      hint,
    };
  }
  const quote = openQuote(text, begin);
  if (/ not closed$/s.test(message) && quote !== undefined) {
    return { offset: quote, message: OPEN_QUOTE };
  }
  if (/^output .* not closed$/s.test(message)) return { offset: begin, message: 'a "{{" is never closed', hint: 'It ends with "}}".' };
  if (/^tag .* not closed$/s.test(message)) {
    const name = /\{%-?\s*(\w+)/.exec(text.slice(begin))?.[1] ?? "";
    if (!text.slice(begin).includes("%}")) return { offset: begin, message: 'a "{%" is never closed', hint: 'It ends with "%}".' };
    return { offset: begin, message: `the tag "${name}" is never closed`, hint: `It ends with {% end${name} %}.` };
  }
  if (/^invalid value expression: ""/.test(message))
    return { offset: begin, message: "this template is empty", hint: "Name what it shall show: {{ summary }}." };
  if (message.startsWith('expected "|"'))
    return {
      offset: begin,
      message: "a template cannot calculate like this",
      hint: "Use filters: {{ duration_seconds | divided_by: 60 }}.",
    };
  return { offset: begin, message: `the template cannot be read: ${message}` };
}

const FILTER_LIST = "The list is in docs/routes.md.";

function unknownFilter(filter: string, liquid: Liquid): Omit<TemplateFinding, "offset"> {
  if (REFUSED_FILTERS.includes(filter)) {
    const plain = filter.replace("_exp", "");
    return {
      message: `the filter "${filter}" is not available: it would run a text as an expression`,
      hint: `Write ${plain}: "field", "value".`,
    };
  }
  const elsewhere = FILTERS_ELSEWHERE[filter.toLowerCase()];
  const meant = elsewhere === undefined ? didYouMean(filter, Object.keys(liquid.filters)) : `did you mean "${elsewhere}"?`;
  return { message: `unknown filter "${filter}"`, hint: meant ?? FILTER_LIST };
}

const OPEN_QUOTE = "a quote that was opened here is never closed";

/** Quotes that open inside of a tag and do not close before its end. Liquid reads on as if nothing stood there. */
export function openQuotes(text: string): TemplateFinding[] {
  // What is raw or a comment is no tag of ours, and in comments apostrophes are usual.
  const tags = text.replace(/\{%-?\s*(raw|comment)\s*-?%\}.*?\{%-?\s*end\1\s*-?%\}/gs, (all) => " ".repeat(all.length));
  return [...tags.matchAll(/\{%-?(?!\s*(#|liquid\b)).*?%\}/gs)].flatMap(({ 0: tag, index }) => {
    const offset = openQuote(text, index + 2, index + tag.length - 2);
    return offset === undefined ? [] : [{ offset, message: OPEN_QUOTE }];
  });
}

/** Where a quote opens between two places and does not close; undefined where none does, or where a tag or an output ends before. */
function openQuote(text: string, begin: number, end = text.length): number | undefined {
  let open: number | undefined;
  for (let at = begin; at < end; at += 1) {
    const char = text[at];
    if (open === undefined && /^[}%]\}/.test(text.slice(at, at + 2))) return undefined;
    if (char !== '"' && char !== "'") continue;
    if (open === undefined) open = at;
    else if (text[open] === char) open = undefined;
  }
  return open;
}

function beginOf(error: unknown): number {
  if (typeof error !== "object" || error === null || !("token" in error)) return 0;
  const token = error.token;
  return typeof token === "object" && token !== null && "begin" in token && typeof token.begin === "number" ? token.begin : 0;
}
