/** PostgreSQL's texts hold no NUL (SQLSTATE 22021): it is shown as its picture, so that one odd reason never stops a batch. */
export function withoutNul(text: string): string {
  return text.includes("\0") ? text.replaceAll("\0", "\u2400") : text;
}
