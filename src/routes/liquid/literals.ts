import { type Template, TypeGuards } from "liquidjs";
import { normalDecimal } from "../../lib/text/exact-number.ts";
import type { TemplateFinding } from "./finding.ts";

/** Something that is written out, and where. */
interface Literal {
  text: string;
  begin: number;
  end: number;
}

/** Whether a variable, which is not filled in yet, stands between two places of the text. */
export type IsOpen = (from: number, to: number) => boolean;

/** A text or a number that is written out. */
export function literalOf(token: unknown): Literal | undefined {
  if (TypeGuards.isQuotedToken(token)) return { text: token.content, begin: token.begin, end: token.end };
  return TypeGuards.isNumberToken(token) ? { text: token.getText(), begin: token.begin, end: token.end } : undefined;
}

/** Liquid reads numbers as doubles: of sixteen digits and more it makes another number. */
export function numberFindings(token: unknown, isOpen: IsOpen): TemplateFinding[] {
  if (!TypeGuards.isNumberToken(token) || isOpen(token.begin, token.end)) return [];
  const written = token.getText().replace(/^\+/, "").replace(/\.$/, "");
  if (normalDecimal(written) === normalDecimal(String(Number(written)))) return [];
  return [
    {
      offset: token.begin,
      message: "a template cannot hold a number of so many digits",
      hint: "Put it in quotes: it is compared digit by digit.",
    },
  ];
}

/** `limit:`, `offset:` and `cols:` of loops. */
export function loopFindings(template: Template, isOpen: IsOpen): TemplateFinding[] {
  const { hash, args } = template as { hash?: { hash?: unknown }; args?: { hash?: unknown } };
  const values = Object.entries(hash?.hash ?? args?.hash ?? {});
  return values.flatMap(([key, token]) => {
    const literal = ["limit", "offset", "cols"].includes(key) ? literalOf(token) : undefined;
    if (!literal || /^\d+$/.test(literal.text) || isOpen(literal.begin, literal.end)) return [];
    return [{ offset: literal.begin, message: `"${key}:" needs a whole number here, such as 3` }];
  });
}
