/**
 * PostgreSQL's texts hold no NUL (SQLSTATE 22021), its JSON no half of a character (22P02): they are shown as their picture and as the replacement
 * mark, so that one odd reason, or one that was cut inside an emoji, never stops a batch.
 */
export function withoutNul(text: string): string {
  return (text.includes("\0") ? text.replaceAll("\0", "\u2400") : text).toWellFormed();
}
