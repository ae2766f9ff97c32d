import type { Liquid, Template } from "liquidjs";
import type { Share } from "../../model/call.ts";
import type { KnownWords } from "../cel/near-misses.ts";
import { argumentFindings } from "./arguments.ts";
import { comparisonFindings } from "./comparisons.ts";
import { explainLiquidError, openQuotes, undefinedFilter } from "./explain.ts";
import type { TemplateFinding } from "./finding.ts";
import type { IsOpen } from "./literals.ts";
import { type Awaited, checkName } from "./names.ts";

export function isTemplate(text: string): boolean {
  return text.includes("{{") || text.includes("{%");
}

/** Parses a template and checks every name in it. `template` is undefined if it cannot be parsed. */
export function checkTemplate(options: {
  liquid: Liquid;
  text: string;
  share: readonly Share[];
  /** The route that is waited for, whose person and record templates see. */
  after: Awaited | undefined;
  known: KnownWords;
  /** Whether a variable, which is not filled in yet, stands between two places of the text. */
  isOpen?: IsOpen;
}): { template: Template[] | undefined; findings: TemplateFinding[] } {
  const { liquid, text, share, after, known, isOpen = () => false } = options;
  const { template, findings } = parseTemplate(liquid, text);
  findings.push(...openQuotes(text).filter(({ offset }) => !findings.some((finding) => finding.offset === offset)));
  if (!template) return { template, findings };
  for (const uses of Object.values(liquid.analyzeSync(template, { partials: false }).globals)) {
    for (const use of uses) {
      const [name, property] = use.toArray();
      const finding = checkName(String(name), property, { share, after });
      if (finding) findings.push({ offset: offsetOf(text, use.location.row, use.location.col), ...finding });
    }
  }
  findings.push(...argumentFindings(liquid, template, isOpen), ...comparisonFindings(template, known, isOpen));
  return { template, findings };
}

/** An unknown filter is stood in for, so that it does not hide the next one, or an unknown name. */
function parseTemplate(liquid: Liquid, text: string): { template: Template[] | undefined; findings: TemplateFinding[] } {
  const findings: TemplateFinding[] = [];
  const stoodIn: string[] = [];
  try {
    for (;;) {
      try {
        return { template: liquid.parse(text), findings };
      } catch (error) {
        findings.push(explainLiquidError(error, text, liquid));
        const filter = undefinedFilter(error);
        if (filter === undefined || stoodIn.includes(filter)) return { template: undefined, findings };
        liquid.registerFilter(filter, (value) => value);
        stoodIn.push(filter);
      }
    }
  } finally {
    for (const filter of stoodIn) liquid.unregisterFilter(filter);
  }
}

/** Liquid counts rows and columns from 1. */
function offsetOf(text: string, row: number, column: number): number {
  let start = 0;
  for (let line = 1; line < row; line += 1) start = text.indexOf("\n", start) + 1;
  return start + column - 1;
}
