import { styleText } from "node:util";
import { idempotencyKey } from "../delivery/pipeline/idempotency-key.ts";
import type { ExitCode } from "../errors.ts";
import { UsageError } from "../errors.ts";
import { printable } from "../lib/text/printable.ts";
import type { CallRecord } from "../model/call.ts";
import type { Route } from "../route.ts";
import { type CommonOptions, withContext } from "./context.ts";
import { type OneDestination, oneDestination } from "./one-destination.ts";
import { routeNamed } from "./prompt.ts";
import { lateVersion, testCall } from "./test-call.ts";
import { runTest, type TestStep } from "./test-destination-steps.ts";

/**
 * `patchbay test <destination>`: sends one marked call as the first route to it would (or `--route`), past log and ledger, shows each step, and
 * cleans up where the API can. Exit code 1 when it did not work.
 */
export function testDestinationCommand(name: string, options: CommonOptions & { route?: string; keep?: boolean }): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const one = await oneDestination({ name, context });
    const { destination, loaded } = one;
    const route = routeOf(one, options.route);
    const [record, source] = [testCall(), route.sources[0] ?? ""];
    const call = loaded.describe(record, source);
    const mappedOf = (version: CallRecord) => {
      const mapped = route.map(loaded.describe(version, source));
      return { call: mapped.call, with: withoutMaking(mapped.with) };
    };
    const delivery = {
      key: idempotencyKey(route, call),
      ...mappedOf(record),
      previous: undefined,
      sinceAcceptedMs: 0,
      related: undefined,
    };
    const steps: TestStep[] = [];
    if (!options.json) console.log(`${destination.name} (${destination.connector.title}) by route ${route.id}: ${call.call_id}`);
    const { ok, left } = await runTest({
      destination,
      delivery,
      late: mappedOf(lateVersion(record)),
      timezone: loaded.timezone,
      keep: options.keep ?? false,
      onStep(step) {
        steps.push(step);
        if (!options.json) console.log(lineOf(step));
      },
    });
    if (options.json) {
      console.log(
        JSON.stringify({
          destination: destination.name,
          connector: destination.connector.name,
          route: route.id,
          call_id: call.call_id,
          ok,
          steps,
          left,
        }),
      );
    } else {
      for (const { id, url, why } of left) console.log(`left at ${destination.name}: ${printable(url ?? id)} (${why})`);
      console.log(ok ? styleText("green", "It works.") : styleText("red", "It does not work."));
    }
    return ok ? 0 : 1;
  });
}

function routeOf({ destination, routes, loaded }: OneDestination, id: string | undefined): Route {
  const { path } = loaded;
  const route = id === undefined ? routes[0] : routeNamed(id, { routes: loaded.routes, path });
  if (!route) {
    throw new UsageError(`no route in ${path} leads to "${destination.name}"`, {
      hint: "A test is sent by a route's `with` and `share`: add one.",
    });
  }
  if (route.to.name === destination.name) return route;
  throw new UsageError(`the route "${route.id}" leads to "${route.to.name}", not to "${destination.name}"`, {
    hint: `Routes to it: ${routes.map((one) => one.id).join(", ") || "none"}.`,
  });
}

/** A made-up number must not become a person of a CRM, nor be waited for: `match` is the same word in all of them. */
function withoutMaking(mapping: Record<string, unknown>): Record<string, unknown> {
  const { match } = mapping;
  if (typeof match !== "object" || match === null || !("on_none" in match)) return mapping;
  return { ...mapping, match: { ...match, on_none: "log_unassociated" } };
}

const MARKS = { well: styleText("green", "✓"), note: styleText("yellow", "·"), wrong: styleText("red", "✗") };
const MAX_LENGTH = 100;
const MAX_FIELDS = 25;

function lineOf({ step, went, says, tookMs, record }: TestStep): string {
  const fields = leavesOf(record ?? {}).filter(([, text]) => text !== "");
  const shown = fields.slice(0, MAX_FIELDS).map(([name, said]) => {
    const text = printable(said);
    return `             ${styleText("dim", printable(name))} ${text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text}`;
  });
  const more = fields.length > MAX_FIELDS ? [`             … and ${fields.length - MAX_FIELDS} more`] : [];
  return [`${MARKS[went]} ${step.padEnd(10)} ${printable(says)} ${styleText("dim", `(${tookMs} ms)`)}`, ...shown, ...more].join("\n");
}

/** `embeds.0.title`, each on a line of its own; what is empty is left out by the caller. */
function leavesOf(value: unknown, path = ""): [string, string][] {
  if (typeof value !== "object" || value === null) return [[path, value === null ? "" : String(value).replace(/\s+/g, " ").trim()]];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, path === "" ? key : `${path}.${key}`));
}
