/** What a destination's notes hold of a call: words such as `summary`. */
export interface NoteParts {
  /** What earlier versions of the call wrote, as the receipt has it. */
  earlier: readonly string[];
  /** What this version writes. */
  own: readonly string[];
}

/** The parts that the notes hold once this version is written. */
export function allParts({ earlier, own }: NoteParts): string[] {
  return [...new Set([...earlier, ...own])];
}

/**
 * Notes are one field, so a newer version of a call could take away what an older one brought, such as a summary. A version that lacks a part and
 * brings no new one leaves the notes as they are; one that lacks a part and brings another is put above them; any other replaces them.
 */
export async function keepNotes<Item>(options: {
  items: readonly Item[];
  /** Undefined: this version's notes replace those that are there, whatever they hold. */
  partsOf(item: Item): NoteParts | undefined;
  /** Takes the notes out of what is written. */
  leave(item: Item): void;
  /** The notes as the destination has them, in one request. */
  read(items: Item[]): Promise<Map<Item, string>>;
  /** Writes this version's notes above `existing`, unless they stand there already after an attempt whose answer was lost. */
  putAbove(item: Item, existing: string): void;
  /** The notes could not be read: the item must wait. */
  failed(item: Item, error: unknown): void;
}): Promise<void> {
  const { items, partsOf, leave, read, putAbove, failed } = options;
  const merging: Item[] = [];
  for (const item of items) {
    const { earlier, own } = partsOf(item) ?? { earlier: [], own: [] };
    if (earlier.every((part) => own.includes(part))) continue;
    if (own.some((part) => !earlier.includes(part))) merging.push(item);
    else leave(item);
  }
  if (merging.length === 0) return;
  try {
    const existing = await read(merging);
    for (const item of merging) putAbove(item, existing.get(item) ?? "");
  } catch (error) {
    for (const item of merging) failed(item, error);
  }
}
