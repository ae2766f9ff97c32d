const DAY_MS = 86_400_000;

/** `until 2027-01-31`: to the end of that day, UTC, in Unix ms. Undefined when it is no such text, or no day of the calendar. */
export function endOfMoveMs(text: string): number | undefined {
  const [, year, month, day] = (/^until (\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? []).map(Number);
  if (year === undefined || month === undefined || day === undefined) return undefined;
  const begin = new Date(Date.UTC(year, month - 1, day));
  return begin.getUTCMonth() === month - 1 && begin.getUTCDate() === day ? begin.getTime() + DAY_MS : undefined;
}
