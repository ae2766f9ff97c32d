export interface Range {
  partition: number;
  from: number;
  /** Up to, not including, this one. */
  to: number;
}

/** How many offsets the ranges hold, each once. */
export function covered(ranges: Range[]): number {
  const sorted = [...ranges].sort((a, b) => a.partition - b.partition || a.from - b.from);
  let sum = 0;
  let [partition, reached] = [-1, 0];
  for (const range of sorted) {
    if (range.partition !== partition) [partition, reached] = [range.partition, 0];
    sum += Math.max(0, range.to - Math.max(range.from, reached));
    reached = Math.max(reached, range.to);
  }
  return sum;
}

/** `partition 0: 5, partition 1: 7–9`, the first few. */
export function formatRanges(ranges: Range[], most = 3): string {
  const shown = ranges
    .slice(0, most)
    .map(({ partition, from, to }) => `partition ${partition}: ${to - from === 1 ? from : `${from}–${to - 1}`}`);
  const more = ranges.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(", ");
}
