import type { Scalar } from "yaml";

/** Letters after a backslash in a double-quoted text that take digits, and how many. */
const HEX_ESCAPES: Record<string, number> = { x: 2, u: 4, U: 8 };

/**
 * Where character `offset` of a scalar's value stands in the file. Walks value and source side by side: quotes and escapes are
 * stepped over, and a run of white space stands for a run of white space (folded lines, the indentation of `|` and `>` blocks).
 * Undefined when the two do not agree; the caller then points at the scalar's begin.
 */
export function offsetInSource(options: { text: string; node: Scalar; offset: number }): number | undefined {
  const { text, node, offset } = options;
  if (typeof node.value !== "string" || !node.range) return undefined;
  const value = node.value;
  const [start, end] = node.range;
  const doubleQuoted = node.type === "QUOTE_DOUBLE";
  const singleQuoted = node.type === "QUOTE_SINGLE";
  let at = start;
  if (doubleQuoted || singleQuoted) at += 1;
  if (node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED") {
    at = text.indexOf("\n", start) + 1;
    if (at === 0) return undefined;
  }
  const skipSpace = () => {
    while (at < end && isSpace(text[at])) at += 1;
  };

  for (let i = 0; ; i += 1) {
    const wanted = value[i];
    if (wanted !== undefined && !isSpace(wanted)) skipFolds();
    if (i >= offset || wanted === undefined) return Math.min(at, end);
    if (doubleQuoted && text[at] === "\\") {
      const letter = text[at + 1] ?? "";
      at += 2 + (HEX_ESCAPES[letter] ?? 0);
    } else if (singleQuoted && text.startsWith("''", at)) {
      at += 2;
    } else if (isSpace(wanted)) {
      // The rest of the run is skipped when the next visible character is looked for.
      if (isSpace(text[at])) at += 1;
    } else if (text[at] === wanted) {
      at += 1;
    } else {
      return undefined;
    }
  }

  /** White space that the value does not have (folds, indentation) and escaped line ends. */
  function skipFolds(): void {
    skipSpace();
    while (doubleQuoted && text[at] === "\\" && /[\r\n]/.test(text[at + 1] ?? "")) {
      at += 1;
      skipSpace();
    }
  }
}

function isSpace(char: string | undefined): boolean {
  return char === " " || char === "\t" || char === "\n" || char === "\r";
}
