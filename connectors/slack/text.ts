/** Slack's three control characters, written as text (docs.slack.dev, "Formatting message text", escaping). With them escaped nothing mentions, links or pings. */
const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

const MARK = "…";

/** Text from a call as mrkdwn: nothing in it can ping or link. At most `maxLength` characters, the escapes counted. */
export function escaped(text: string, maxLength: number): string {
  return joined(
    [...text].map((point) => ESCAPES[point] ?? point),
    maxLength,
  );
}

/** A link that the author of a template may write: `<https://…>`, `<https://…|label>`, mailto and tel. */
const LINK = /^<(?:https?:\/\/|mailto:|tel:)[^<>|\s]+(?:\|[^<>\n]*)?>$/i;

/** A value in a template: nothing in it can ping or link. Its `*` and `_` stay, they do no harm. */
export function escapedValue(value: string): string {
  return value.replace(/[&<>]/g, (sign) => ESCAPES[sign] ?? sign);
}

/**
 * A rendered template as mrkdwn; the values in it are escaped already. Formatting and links of its author stay, everything else in angle brackets
 * becomes text: `<!channel>`, `<@U…>`, `<#C…>`, `<!subteam^…>`, `<!date^…>`. HTML's entities of quotes, which Slack would print, are read.
 */
export function authorsText(text: string, maxLength: number): string {
  const atoms =
    text
      .replaceAll("&quot;", '"')
      .replaceAll("&#39;", "'")
      .match(/<[^<>]*>|&(?:amp|lt|gt);|[\s\S]/gu) ?? [];
  const safe = atoms.flatMap((atom) => {
    if (atom.length > 1 && (atom.startsWith("&") || LINK.test(atom))) return [atom];
    return [...atom].map((point) => ESCAPES[point] ?? point);
  });
  return joined(safe, maxLength);
}

/**
 * Whole atoms only: a cut never falls into a character, an escape or a link. Halves of a character, which JSON can carry, become the
 * replacement mark: the client could not encode them.
 */
function joined(atoms: string[], maxLength: number): string {
  return whole(atoms, maxLength).toWellFormed();
}

function whole(atoms: string[], maxLength: number): string {
  const total = atoms.reduce((sum, atom) => sum + atom.length, 0);
  if (total <= maxLength) return atoms.join("");
  let text = "";
  for (const atom of atoms) {
    if (text.length + atom.length > maxLength - MARK.length) break;
    text += atom;
  }
  return text + MARK;
}

/** `from 14:00 to 15:00` in the zone. */
export function hoursText(options: { fromMs: number; toMs: number; timezone: string }): string {
  const { fromMs, toMs, timezone } = options;
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: timezone, hour: "2-digit", minute: "2-digit" });
  return `from ${format.format(fromMs)} to ${format.format(toMs)}`;
}
