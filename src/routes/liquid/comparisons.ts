import { type Template, type Token, TypeGuards } from "liquidjs";
import { type KnownWords, wrongWord } from "../cel/near-misses.ts";
import { filteredOf, rootOf, walk } from "./arguments.ts";
import type { TemplateFinding } from "./finding.ts";
import { type IsOpen, literalOf } from "./literals.ts";

/** `{% if agent == "slaes" %}`: a word that a name of a call never is, as in `when`. */
export function comparisonFindings(template: readonly Template[], known: KnownWords, isOpen: IsOpen): TemplateFinding[] {
  const findings: TemplateFinding[] = [];
  const look = (name: Token | undefined, literal: unknown) => {
    const root = name && isPlainName(name) ? rootOf(name) : undefined;
    const text = TypeGuards.isQuotedToken(literal) ? literalOf(literal) : undefined;
    const isKnown = text !== undefined && text.text !== "" && !isOpen(text.begin, text.end);
    const wrong = root !== undefined && isKnown ? wrongWord(root, text.text, known) : undefined;
    if (wrong && text) findings.push({ offset: text.begin, ...wrong, severity: "warning" });
  };
  for (const one of walk(template)) {
    const [first, ...more] = [...(one.arguments?.() ?? [])];
    // `case` names its value first, and then each `when`.
    const asked = (one as { name?: string }).name === "case" ? filteredOf(first)?.initial.postfix[0] : undefined;
    if (asked) for (const literal of more) look(asked, literal);
    for (const argument of [first, ...more]) {
      const tokens = filteredOf(argument)?.initial.postfix ?? [];
      for (const [index, token] of tokens.entries()) {
        if (!TypeGuards.isOperatorToken(token) || (token.operator !== "==" && token.operator !== "!=")) continue;
        // Postfix: both sides stand before their operator.
        const [left, right] = [tokens[index - 2], tokens[index - 1]];
        look(left, right);
        look(right, left);
      }
    }
  }
  return findings;
}

const isPlainName = (token: Token) => TypeGuards.isPropertyAccessToken(token) && token.props.length === 1;
