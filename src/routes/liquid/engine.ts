import { CaptureTag, type Context, Liquid, toValue } from "liquidjs";
import { formatDuration } from "../../lib/time/duration.ts";
import { registerExactArithmetic } from "./exact-arithmetic.ts";
import { chargeItems, LIMITS, operators } from "./limits.ts";

/** No template may read files: these tags name other files. */
export const REFUSED_TAGS = ["include", "render", "layout", "block"];

/** Filters that read a text as an expression: a call's text could become one. */
export const REFUSED_FILTERS = ["where_exp", "reject_exp", "group_by_exp", "has_exp", "find_exp", "find_index_exp"];

/** `147 | duration` → `2 min 27 s`. */
export function durationFilter(seconds: unknown): string {
  const total = Number(seconds);
  return Number.isFinite(total) && Math.round(total) >= 0 ? formatDuration(total, "exact") : "";
}

/** Makes a value text where mark-up is read. */
export type Escape = (value: string) => string;

/**
 * Liquid without files and within limits: a template's length, what it may allocate, and how long it may run.
 * Names are checked when the file is loaded, so at run time a name that is absent renders as nothing.
 * @param options.escape goes over every value that is put out, once; no filter undoes it.
 */
export function createLiquid(options: { timezone: string; escape?: Escape | undefined }): Liquid {
  const { timezone, escape: escaped } = options;
  const gathered = new WeakMap<Context, Set<string>>();
  const liquid = new Liquid({
    ownPropertyOnly: true,
    strictFilters: true,
    strictVariables: false,
    templates: {},
    timezoneOffset: timezone,
    dateFormat: "%Y-%m-%d %H:%M",
    locale: "en-US",
    operators,
    ...LIMITS,
    ...(escaped && {
      outputEscape(this: { context: Context }, value: unknown): string {
        const text = textOf(value);
        return gathered.get(this.context)?.has(text) ? text : escaped(text);
      },
    }),
  });
  for (const tag of REFUSED_TAGS) delete liquid.tags[tag];
  for (const filter of REFUSED_FILTERS) liquid.unregisterFilter(filter);
  registerExactArithmetic(liquid);
  chargeItems(liquid);
  liquid.registerFilter("duration", durationFilter);
  if (!escaped) return liquid;
  // Done by the output: for HTML these would do it twice, and `raw` would leave it out.
  for (const filter of ["escape", "escape_once", "xml_escape", "raw"]) liquid.registerFilter(filter, (value: unknown) => value);
  // A captured text has its values escaped, and its author's mark-up between them.
  liquid.registerTag(
    "capture",
    class extends CaptureTag {
      override *render(context: Context): Generator<unknown, void, string> {
        yield* super.render(context);
        gathered.set(context, (gathered.get(context) ?? new Set()).add(textOf(context.bottom()[this.variable])));
      }
    },
  );
  return liquid;
}

/** One engine for each way to escape, as a file needs them. */
export function createLiquids(options: { timezone: string }): (how: Escape | undefined) => Liquid {
  const made = new Map<Escape | undefined, Liquid>();
  return (how) => {
    const liquid = made.get(how) ?? createLiquid({ ...options, escape: how });
    made.set(how, liquid);
    return liquid;
  };
}

/** As Liquid writes a value out. */
function textOf(value: unknown): string {
  const plain = toValue(value);
  if (Array.isArray(plain)) return plain.map(textOf).join("");
  return plain === undefined || plain === null ? "" : String(plain);
}
