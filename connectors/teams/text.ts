/**
 * What Teams' Markdown could read as its own (learn.microsoft.com, "Format cards in Teams": in TextBlock.text, Fact.title and Fact.value), and the
 * angle brackets of `<at>`. With them escaped nothing is bold, links or mentions.
 */
const MARKDOWN = /[\\`*_[\]()~<>]/g;
/** At a line's beginning these make lists. */
const LIST = /^(\s*)([-+]|\d+\.)(?=\s)/gm;

/** Control characters other than the new line: a flow refuses them, or shows boxes. */
function clean(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/[^\P{Cc}\n]/gu, " ")
    .toWellFormed();
}

/** Text from a call, as it reads. Two new lines are what Teams takes for one. */
export function escaped(text: string): string {
  return clean(text)
    .replace(MARKDOWN, (sign) => `\\${sign}`)
    .replace(LIST, (_, indent: string, sign: string) => `${indent}${sign.slice(0, -1)}\\${sign.slice(-1)}`)
    .replace(/\n+/g, "\n\n");
}

/** As {@link escaped}, in one line. */
export function escapedLine(text: string): string {
  return escaped(text.replace(/\s+/g, " ").trim());
}

/** A value in a template, as it reads. An address keeps working in a link of the author's, and can neither end nor mark it up. */
export function escapedValue(value: string): string {
  if (!/^https?:\/\/\S+$/i.test(value)) return escaped(value);
  return value.replace(/[\\`*[\]()~<>|]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`).toWellFormed();
}

/**
 * A rendered template: its author's Markdown stays; the values in it are escaped already. `<at>` becomes text: the card has no `msteams.entities`,
 * so that it could not ping, but it would look as if it did.
 */
export function authorsText(text: string): string {
  return clean(text).replace(/\\[\s\S]|<(?=\/?at\b)/gi, (sign) => (sign === "<" ? "\\<" : sign));
}
