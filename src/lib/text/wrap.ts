import stringWidth from "string-width";

/**
 * Lines of at most `width` columns of a terminal, broken at spaces; a word that is longer, such as an address, keeps a line of its own and is not broken, so
 * that it can be copied. `first` begins the first line, `indent` all others. Colours count nothing.
 */
export function wrap(text: string, options: { width: number; indent?: string; first?: string }): string[] {
  const { width, indent = "", first = indent } = options;
  const lines: string[] = [];
  let line = { text: first, length: first.length, isEmpty: true };
  for (const word of text.split(" ")) {
    const length = stringWidth(word);
    if (!line.isEmpty && line.length + 1 + length > width) {
      lines.push(line.text.trimEnd());
      line = { text: indent, length: indent.length, isEmpty: true };
    }
    const added = line.isEmpty ? word : ` ${word}`;
    line = { text: line.text + added, length: line.length + length + (line.isEmpty ? 0 : 1), isEmpty: false };
  }
  return [...lines, line.text];
}
