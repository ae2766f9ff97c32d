import { type Context, defaultOperators, type Liquid, type Operators } from "liquidjs";

/** A template's length in characters, how long it may run (ms), and how much it may make, in letters; see {@link chargeItems} for lists. */
export const LIMITS = { parseLimit: 100_000, renderLimit: 200, memoryLimit: 10_000_000 };

/**
 * What looking at an item of a list counts, in letters: 2 µs each, where Liquid counts one letter or none. It looks at the clock between tags only, so
 * that a chain of filters over a long list ran for seconds (60 times `sort` over 1 MB: 4 s).
 */
const LETTERS_AN_ITEM = 40;

type Charged = { context: Pick<Context, "memoryLimit"> };

/** Makes every filter count the items of a list that it is given, before it begins. */
export function chargeItems(liquid: Liquid): void {
  for (const [name, filter] of Object.entries(liquid.filters)) {
    const { handler, raw } = typeof filter === "function" ? { handler: filter, raw: false } : { handler: filter.handler, raw: filter.raw };
    const charged = function (this: unknown, value: unknown, ...args: unknown[]) {
      (this as Charged).context.memoryLimit.use(
        itemsIn(name === "sample" && typeof value === "string" ? value.split("") : value) * LETTERS_AN_ITEM,
      );
      return handler.apply(this as never, [value, ...args] as never);
    };
    liquid.registerFilter(name, raw ? { raw, handler: charged as never } : (charged as never));
  }
}

/** As Liquid's own; the two that look through a list count its items. */
export const operators: Operators = Object.fromEntries(
  Object.entries(defaultOperators).map(([name, operator]) => {
    if (!["contains", "==", "!="].includes(name)) return [name, operator];
    const charged = (left: unknown, right: unknown, context: Context) => {
      context.memoryLimit.use(itemsIn(left));
      return (operator as (left: unknown, right: unknown, context: Context) => never)(left, right, context);
    };
    return [name, charged];
  }),
);

function itemsIn(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}
