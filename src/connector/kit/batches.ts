import { halves } from "../../lib/chunk.ts";

export { chunk, halves } from "../../lib/chunk.ts";

/** Further writes that may look for refused items; counted down. One object may be shared by several calls. */
export interface SplitBudget {
  left: number;
  /** Of `performance.now()`. */
  untilMs?: number;
}

export interface SplitOptions<Item, Result> {
  items: readonly Item[];
  /** One result per item, in order. */
  write(items: Item[]): Promise<Result[]>;
  /** What an error means for the items that caused it; undefined when it is not about single items: the error is then thrown on. */
  refusalOf(error: unknown, items: readonly Item[]): Result | undefined;
  /** Which items the error is about, and the parts in which the others are written. Default: two halves, and an item alone is refused. */
  divide?(items: readonly Item[], error: unknown): { refused: readonly Item[]; parts: readonly Item[][] };
  budget?: SplitBudget;
  /** The result of items that the budget did not reach. Default: the refusal of the whole. */
  exhausted?(item: Item): Result;
  signal?: AbortSignal;
}

/**
 * Writes items in one request. When the request is refused because of some of them, writes parts of it until the refused ones are found:
 * one bad item of 500 costs about 18 requests. One result per item, in order.
 * @throws the first error that is no refusal, or the signal's reason.
 */
export async function splitOnRefusal<Item, Result>(options: SplitOptions<Item, Result>): Promise<Result[]> {
  const { items, write, refusalOf, divide = inHalves, budget, exhausted, signal } = options;
  if (items.length === 0) return [];
  signal?.throwIfAborted();
  try {
    return await write([...items]);
  } catch (error) {
    const refusal = refusalOf(error, items);
    if (refusal === undefined) throw error;
    const { refused, parts } = divide(items, error);
    const results = new Map<Item, Result>(refused.map((item) => [item, refusal]));
    for (const part of parts) {
      const mayWrite = takeFrom(budget);
      const written = mayWrite ? await splitOnRefusal({ ...options, items: part }) : part.map((item) => exhausted?.(item) ?? refusal);
      for (const [index, item] of part.entries()) results.set(item, written[index] as Result);
    }
    return items.map((item) => results.get(item) ?? refusal);
  }
}

function inHalves<Item>(items: readonly Item[]): { refused: readonly Item[]; parts: readonly Item[][] } {
  return items.length === 1 ? { refused: items, parts: [] } : { refused: [], parts: halves(items) };
}

function takeFrom(budget: SplitBudget | undefined): boolean {
  if (!budget) return true;
  if (budget.left <= 0 || performance.now() >= (budget.untilMs ?? Number.POSITIVE_INFINITY)) return false;
  budget.left -= 1;
  return true;
}
