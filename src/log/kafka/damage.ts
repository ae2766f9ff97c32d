/**
 * The first offset behind `from`, up to `high`, from which on a broker gives records again; `high` where there is none. A broker finds an
 * offset by its index, which has an entry every few kilobytes, and from there batch by batch: behind a batch whose length is wrong it finds
 * nothing until the next entry, and everything from there on.
 */
export async function endOfDamage(options: { from: number; high: number; isReadable(offset: number): Promise<boolean> }): Promise<number> {
  const { from, high, isReadable } = options;
  let bad = from;
  let good = high;
  for (let step = 1; bad + step < high; step *= 2) {
    if (await isReadable(bad + step)) {
      good = bad + step;
      break;
    }
    bad += step;
  }
  while (good - bad > 1) {
    const middle = Math.floor((bad + good) / 2);
    if (await isReadable(middle)) good = middle;
    else bad = middle;
  }
  return good;
}
