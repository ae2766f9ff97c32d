import { Liquid } from "liquidjs";

/** No template may read files: these tags name other files. */
export const REFUSED_TAGS = ["include", "render", "layout", "block"];

/** `147 | duration` → `2 min 27 s`. */
export function formatDuration(seconds: unknown): string {
  const total = Math.round(Number(seconds));
  if (!Number.isFinite(total) || total < 0) return "";
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const parts = [hours > 0 ? `${hours} h` : "", minutes > 0 ? `${minutes} min` : "", total % 60 > 0 ? `${total % 60} s` : ""];
  return parts.filter((part) => part !== "").join(" ") || "0 s";
}

/**
 * Liquid without files and within limits: a template's length, what it may allocate, and how long it may run.
 * Names are checked when the file is loaded, so at run time a name that is absent renders as nothing.
 */
export function createLiquid(options: { timezone: string }): Liquid {
  const liquid = new Liquid({
    ownPropertyOnly: true,
    strictFilters: true,
    strictVariables: false,
    templates: {},
    timezoneOffset: options.timezone,
    dateFormat: "%Y-%m-%d %H:%M",
    locale: "en-US",
    parseLimit: 100_000,
    renderLimit: 200,
    memoryLimit: 10_000_000,
  });
  for (const tag of REFUSED_TAGS) delete liquid.tags[tag];
  liquid.registerFilter("duration", formatDuration);
  return liquid;
}
