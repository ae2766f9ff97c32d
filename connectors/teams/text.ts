/**
 * What Teams' Markdown could read as its own (learn.microsoft.com, "Format cards in Teams": in TextBlock.text), and the angle brackets of `<at>`. With
 * them escaped nothing is bold, a link or a mention. No more than needed: Teams on phones shows what it does not know as a backslash.
 */
const MARKDOWN = /[\\`*_[\]<>]/g;
/** At a line's beginning these make lists. */
const LIST = /^([ \t]*)([-+]|\d+\.)(?=[ \t])/gm;

/** Control characters other than the new line: a flow refuses them, or shows boxes. */
function clean(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/[^\P{Cc}\n]/gu, " ")
    .toWellFormed();
}

/** Cards make a date of `{{DATE(…)}}`, in every text: a space without width between the braces keeps what was said. */
function withoutDates(text: string): string {
  return text.replaceAll("{{", "{\u200b{");
}

/** Text from a call for where no Markdown is read, as it reads. */
export function plain(text: string): string {
  return withoutDates(clean(text));
}

/** As {@link plain}, in one line. */
export function plainLine(text: string): string {
  return plain(text.replace(/\s+/g, " ").trim());
}

/** Text from a call in Markdown, as it reads. Two new lines are what Teams takes for one. */
export function escaped(text: string): string {
  return (
    plain(text)
      .replace(MARKDOWN, (sign) => `\\${sign}`)
      .replace(LIST, (_, indent: string, sign: string) => `${indent}${sign.slice(0, -1)}\\${sign.slice(-1)}`)
      // Behind an author's own brackets it would make a link of them.
      .replace(/^\(/, "\\(")
      .replace(/\n+/g, "\n\n")
  );
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
