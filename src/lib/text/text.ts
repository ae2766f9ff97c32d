/** Cuts at a code point, never inside one, and marks the cut. */
export function truncate(text: string, maxLength: number, mark = "…"): string {
  if (text.length <= maxLength) return text;
  let end = Math.max(0, maxLength - mark.length);
  const last = text.charCodeAt(end - 1);
  if (last >= 0xd800 && last <= 0xdbff) end -= 1;
  return text.slice(0, end) + mark;
}

/** Escapes text for HTML content and attribute values. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c] as string);
}
