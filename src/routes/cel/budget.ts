/**
 * Steps of one evaluation. A step is what looking at one item of a list or at one letter costs, some 50 ns, so that the whole budget is half a
 * second; without it a list inside of another one holds the process, the ingress included, for minutes (75 kB: 8.9 s).
 */
export const BUDGET_STEPS = 10_000_000;

/** Letters that a search or a comparison looks at in the time of one step. */
const LETTERS_A_STEP = 16;

/** The one error of a budget that is spent: made once, since a macro catches it for each item that is left. */
export class BudgetError extends Error {
  override readonly name = "BudgetError";
  readonly code = "too_many_steps";
}
const SPENT = new BudgetError("the budget is spent");

export interface Budget {
  /** Before each evaluation. */
  reset(): void;
  /** Whether an evaluation has asked for more than there was. */
  isSpent(): boolean;
  /** @throws {BudgetError} */
  spend(steps: number): void;
}

export function createBudget(): Budget {
  let left = BUDGET_STEPS;
  return {
    reset() {
      left = BUDGET_STEPS;
    },
    isSpent: () => left < 0,
    spend(steps) {
      if (left >= 0) left -= steps;
      if (left < 0) throw SPENT;
    },
  };
}

/** What it costs to make or to copy a value: each letter, each item. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (Array.isArray(value)) return value.length;
  return 1;
}

/**
 * What it costs to look through a value once: a comparison of two lists goes into all that is in them. Of a list it is made once: those of a call do
 * not change, and a macro inside another asks for each item.
 */
export function costOfLooking(value: unknown): number {
  if (typeof value === "string") return 1 + value.length / LETTERS_A_STEP;
  if (typeof value !== "object" || value === null || value instanceof Date) return 1;
  const known = COSTS.get(value);
  if (known !== undefined) return known;
  let cost = 1;
  for (const item of Array.isArray(value) ? value : Object.values(value)) cost += costOfLooking(item);
  COSTS.set(value, cost);
  return cost;
}

const COSTS = new WeakMap<object, number>();
