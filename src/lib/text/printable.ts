/**
 * Text of calls and vendors on its way to a terminal or a log. A name typed into a web form gets there: a control character moves
 * the cursor, sets the title or forges a line, a bidi control turns a line around (https://trojansource.codes).
 */

/** C0, DEL and C1; the bidi controls; line and paragraph separator; halves of a character. */
const CONTROLS = String.raw`[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]`;
const UNSAFE = new RegExp(CONTROLS, "gu");
/** But for what makes lines and columns. */
const UNSAFE_IN_LINES = new RegExp(String.raw`(?![\n\t])${CONTROLS}`, "gu");
/** But for these, and the colours that we write ourselves. */
const UNSAFE_IN_OUTPUT = new RegExp(String.raw`(?![\n\t])(?!\x1b\[[\d;]*m)${CONTROLS}`, "gu");

const shown = (character: string) => `\\u{${character.charCodeAt(0).toString(16)}}`;

/** On one line: what a terminal would obey is shown as `\u{9b}`, a line end too. */
export function printable(text: string): string {
  return text.replace(UNSAFE, shown);
}

/** The same for a text of several lines: line ends and tabs stay. */
export function printableLines(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(UNSAFE_IN_LINES, shown);
}

/** Shows as `\u009b`, which is also how JSON writes it: fit for whole output, JSON or not, with colours in it. */
export function printableOutput(text: string): string {
  return text.replace(UNSAFE_IN_OUTPUT, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
