import type { Liquid } from "liquidjs";
import type { TemplateFinding } from "./finding.ts";

const SAMPLE = "2026-01-15T09:08:07Z";
/** `%Y`, `%-d`, `%^b`, `%10N`, `%:z`. */
const DIRECTIVE = /%[-^#_0:]*\d*[EO]?:?(.)/gsu;

/** What is wrong with a format of `date`: it holds nothing of the time, or a letter that stands for nothing. */
export function dateFormatProblem(liquid: Liquid, format: string): Omit<TemplateFinding, "offset"> | undefined {
  const directives = [...format.matchAll(DIRECTIVE)].filter(([, letter]) => letter !== "%");
  if (directives.length === 0) {
    if (/^(short|medium|long|full|iso)/i.test(format) || /[YMDHhmsd]{2}/.test(format)) {
      return { message: "a date's format is written with %", hint: 'Such as "%Y-%m-%d %H:%M" or "%d.%m.%Y".' };
    }
    return { message: "this format shows nothing of the time", hint: 'Such as "%Y-%m-%d %H:%M".' };
  }
  // Liquid leaves as it is what it does not know.
  const unknown = directives.find(
    ([directive]) => liquid.parseAndRenderSync("{{ time | date: format }}", { time: SAMPLE, format: directive }) === directive,
  );
  if (!unknown) return undefined;
  return {
    message: `"${unknown[0]}" stands for nothing in a date's format`,
    hint: "The letters are those of strftime: %Y, %m, %d, %H, %M.",
    severity: "warning",
  };
}
