import { randomBytes } from "node:crypto";
import type { ExitCode } from "../errors.ts";
import { UsageError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { typed } from "../lib/text/typed-command.ts";
import { systemClock } from "../lib/time/clock.ts";
import { formatShortDuration } from "../lib/time/duration.ts";
import { planReplay, previewReplay, type ReplayExample, type ReplaySpec, runReplay } from "../operations/replay.ts";
import type { Route } from "../route.ts";
import { type LoadedRoutes, loadRoutes } from "../routes/index.ts";
import { type CommonOptions, createContext } from "./context.ts";
import { type LookedRoutes, lookedRoutes, problemField } from "./looked-routes.ts";
import { bar, createProgress } from "./progress.ts";
import { currentUser, declined, routeNamed, timeRange } from "./prompt.ts";

export interface ReplayOptions extends CommonOptions {
  route?: string;
  since?: string;
  until?: string;
  only?: "failed";
  again?: boolean;
  rate?: number;
  yes?: boolean;
  continue?: string;
}

const DEFAULT_RATE = 10;
const MAX_RATE = 200;

/** `patchbay replay --route --since --until [--only failed] [--again]`, or `--continue <id>`. */
export async function replayCommand(options: ReplayOptions): Promise<ExitCode> {
  const nowMs = Date.now();
  const rate = options.rate ?? DEFAULT_RATE;
  if (rate > MAX_RATE)
    throw new UsageError(`--rate is at most ${MAX_RATE} a second`, { hint: "A replay shares the destination with live calls." });
  const { since, until = nowMs } = timeRange(options, nowMs);
  if (since !== undefined && since >= until) throw new UsageError("the range is empty: --since is not before now");
  const context = createContext({ ...options, looksOnly: true });
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    const looked = await lookedRoutes(context);
    const { routes } = looked;
    const [log, ledger] = [await context.log(), await context.ledger()];
    const known = await ledger.knownRoutes();
    const spec = options.continue === undefined ? await newSpec() : await oldSpec(ledger, options.continue);
    const route = routeNamed(spec.route, { routes: routes.routes, path: routes.path, known });
    const preview = await previewReplay({ spec, route, routes, log, ledger });
    await noteReading({ ledger, by: spec.by, route: spec.route, preview });
    await show({ spec, preview, route, looked, ledger, json: options.json === true });
    if (preview.counts.queued === 0) return 0;
    // By an earlier file calls would go another way than the person means who has just edited it.
    if (options.yes) looked.refuseEarlier();
    if (looked.note !== undefined) {
      console.error(typed`Nothing was changed: a replay begins by a file without mistakes (patchbay check shows them).`);
      return 0;
    }
    const no = await declined(`Replay ${preview.counts.queued} on ${spec.route} at ${spec.ratePerSecond}/s?`, {
      ...options,
      preview: true,
    });
    if (no !== undefined) return no;

    const progress = createProgress({ enabled: !options.json });
    const ended = await runReplay({
      spec,
      route,
      routes,
      log,
      ledger,
      planned: preview.counts.queued,
      clock: systemClock,
      signal: stopping.signal,
      onProgress: ({ counts }) => progress.show(`${bar(counts.queued, preview.counts.queued)}  ${counts.queued} queued`),
    });
    progress.clear();
    if (options.json) console.log(JSON.stringify({ id: ended.id, state: ended.state, counts: ended.counts }));
    else if (ended.state === "stopped")
      console.log(
        typed`Stopped after ${ended.counts.queued} queued; those go on by themselves. The rest: patchbay replay --continue ${ended.id}`,
      );
    else
      console.log(
        typed`${ended.counts.queued} queued on ${ended.route}. patchbay deliveries --route ${ended.route} shows what becomes of them.`,
      );
    return 0;

    async function newSpec(): Promise<ReplaySpec> {
      if (options.route === undefined)
        throw new UsageError(since === undefined ? "which route, and since when?" : "which route?", {
          hint: `Give --route <id>${since === undefined ? " and --since, such as 2d" : ""}, or --continue <id> of a stopped replay.`,
        });
      if (since === undefined)
        throw new UsageError("since when?", { hint: "Give --since, such as 2d, 2026-01-31 or 2026-01-31T09:00:00Z." });
      routeNamed(options.route, { routes: routes.routes, path: routes.path, known });
      return planReplay({
        id: randomBytes(4).toString("hex"),
        route: options.route,
        since,
        until,
        only: options.only ?? "all",
        again: options.again ?? false,
        ratePerSecond: rate,
        by: currentUser(context.env),
        log,
      });
    }
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    await context.close();
  }
}

async function oldSpec(ledger: Ledger, id: string): Promise<ReplaySpec> {
  const job = await ledger.replay(id);
  if (!job) {
    const jobs = (await ledger.replays()).map((one) => one.id);
    throw new UsageError(`there is no replay "${id}"`, {
      hint: jobs.length === 0 ? "None was begun yet." : `The last ones: ${jobs.join(", ")}.`,
    });
  }
  const spec = JSON.parse(job.spec) as ReplaySpec;
  if (spec.state === "done") throw new UsageError(`the replay "${id}" is through`, { hint: "Begin another with --route and --since." });
  return spec;
}

/** Examples show what would be sent of a call: who reads it leaves a trace. */
async function noteReading(options: { ledger: Ledger; by: string; route: string; preview: { examples: ReplayExample[] } }): Promise<void> {
  const { ledger, by, route, preview } = options;
  const calls = preview.examples.map(({ item }) => item.callId);
  if (calls.length > 0) await ledger.note({ by, route, action: "read", detail: `preview of ${calls.join(", ")}` });
}

async function show(options: {
  spec: ReplaySpec;
  preview: Awaited<ReturnType<typeof previewReplay>>;
  route: Route;
  looked: LookedRoutes;
  ledger: Ledger;
  json: boolean;
}): Promise<void> {
  const { spec, preview, route, looked, ledger, json } = options;
  const { routes } = looked;
  const { counts, examples } = preview;
  const shown = await Promise.all(examples.map((example) => mappings({ example, route, routes, ledger })));
  if (json) {
    console.log(JSON.stringify({ id: spec.id, route: spec.route, preview: counts, examples: shown, ...problemField(looked) }));
    return;
  }
  if (looked.note !== undefined) console.log(`${looked.note}\n`);
  const left = [
    [counts.notWanted, "not wanted by the route"],
    [counts.delivered, "delivered already (--again sends them again)"],
    [counts.newer, "overtaken by a newer record"],
    [counts.open, "waiting or under way"],
    [counts.skipped + (spec.only === "failed" ? 0 : counts.dead), "not failed"],
  ] as const;
  console.log(
    `${counts.read} records on ${spec.route}: ${counts.queued} would be sent, in about ${formatShortDuration((counts.queued / spec.ratePerSecond) * 1000)}.`,
  );
  for (const [n, why] of left) if (n > 0) console.log(`  ${n} ${why}`);
  for (const { callId, before, after } of shown) {
    console.log(`\n${callId}`);
    console.log(`  before  ${before ?? "(never sent, or its routes file is not kept)"}`);
    console.log(`  now     ${after}`);
  }
}

/** What the route made of the call then, by the file of that time, and what it makes of it now. */
async function mappings(options: { example: ReplayExample; route: Route; routes: LoadedRoutes; ledger: Ledger }) {
  const { example, route, routes, ledger } = options;
  const { callId } = example.item;
  const [row] = await ledger.deliveries({ callId, route: route.id, limit: 1 });
  const after = mapped(route, example);
  const old =
    row?.routesVersion === undefined || row.routesVersion === routes.version ? undefined : await ledger.routesFile(row.routesVersion);
  if (row?.routesVersion === routes.version) return { callId, before: after, after };
  if (!old) return { callId, before: undefined, after };
  try {
    const then = loadRoutes({ path: routes.path, text: old.text, env: {}, connectors: routes.connectors, role: { kind: "check-no-env" } });
    const same = then.routes.find(({ id }) => id === route.id);
    return { callId, before: same && mapped(same, example), after };
  } catch {
    return { callId, before: undefined, after };
  }
}

function mapped(route: Route, { call }: ReplayExample): string {
  try {
    const mapped = route.map(call);
    // A connector that takes no mapping gets the call as it is shared.
    return Object.keys(mapped.with).length > 0 ? JSON.stringify(mapped.with) : `the call itself: ${mapped.sentFields.join(", ")}`;
  } catch (error) {
    return `(the mapping fails: ${error instanceof Error ? error.message : "unknown"})`;
  }
}
