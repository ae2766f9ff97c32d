const ISO_8601 = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:?\d{2})?)?$/i;

/**
 * An ISO 8601 time in Unix ms; undefined when it is none. VoiceInfra does not promise a zone: without one it is read as UTC, where
 * `Date.parse` alone would take this machine's zone. A day alone is its midnight.
 */
export function unixMsOf(text: string): number | undefined {
  const [, date, time = "00:00", zone = "Z"] = ISO_8601.exec(text.trim()) ?? [];
  if (date === undefined) return undefined;
  const offset = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const ms = Date.parse(`${date}T${time}${offset}`);
  return Number.isNaN(ms) ? undefined : ms;
}
