import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { connectors as registry } from "../../connectors/index.ts";
import { openLedger, openLog, startConnectors } from "../app.ts";
import type { Sandbox } from "../connector/index.ts";
import { type ExitCode, UsageError } from "../errors.ts";
import { type Ingress, startIngress } from "../ingress/index.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { createLogger } from "../lib/process/logger.ts";
import { systemClock } from "../lib/time/clock.ts";
import type { Log } from "../log/log.ts";
import type { Route } from "../route.ts";
import { type LoadedRoutes, loadRoutes } from "../routes/index.ts";
import { documentedExample, SAMPLE_COUNT, sampleCall } from "../sandbox/calls.ts";
import { serveSandbox } from "../sandbox/serve.ts";
import { type LagReport, readLag } from "../views/lag.ts";
import type { CommonOptions } from "./context.ts";
import { takeDemoFolder } from "./demo-folder.ts";
import { createPrinter, type Printer } from "./demo-printer.ts";
import { formatLag } from "./lag.ts";
import { post } from "./send.ts";
import { type Parts, serve } from "./serve.ts";

const FOLDER = "data/demo";
const SECRET = "patchbay-example-secret";
/** Slack's sandbox takes about one message a second, as Slack does. */
const ALL_ENDED_WITHIN_MS = 60_000;

const bold = (text: string) => styleText("bold", text);

type DemoOptions = CommonOptions & { port?: number; once?: boolean };

/** What the demo brings with it, so that these options would change nothing. */
const ITS_OWN = { routes: "a routes file", log: "a log", ledger: "a ledger" } as const;

/** `patchbay demo [--once]`: the whole way of a call on this machine; every destination is its sandbox. Reads no PATCHBAY_* variable. */
export async function demoCommand(options: DemoOptions): Promise<ExitCode> {
  for (const [option, what] of Object.entries(ITS_OWN)) {
    if (options[option as keyof typeof ITS_OWN] !== undefined)
      throw new UsageError(`demo takes no --${option}: it has ${what} of its own`, {
        hint: `Leave it away: the demo shows sandboxes and keeps its files in ${FOLDER}. With your own: patchbay up --${option} …`,
      });
  }
  let allEnded = true;
  const stopped = await serve({
    logger: createLogger({ level: "fatal" }),
    async start(parts) {
      const shown = await startDemo(parts, options);
      allEnded = shown.allEnded;
      return options.once ? { over: true } : { failed: shown.failed };
    },
  });
  return allEnded ? stopped : 1;
}

async function startDemo(parts: Parts, options: DemoOptions): Promise<{ allEnded: boolean; failed: Promise<Error> }> {
  const startedAtMs = performance.now();
  const folder = await parts.start(takeDemoFolder(FOLDER), (one) => one.release());
  const sandboxes = await startSandboxes(parts);
  const routes = loadRoutes({
    path: relative(process.cwd(), fileURLToPath(new URL("../sandbox/demo.routes.yaml", import.meta.url))),
    env: { DEMO_SOURCE_SECRET: SECRET, ...sandboxes.env },
    connectors: registry,
    role: { kind: "all" },
  });
  const logger = createLogger({ level: "fatal" });
  const logUrl = `sqlite:${FOLDER}/log.db`;
  const ledgerUrl = `sqlite:${FOLDER}/ledger.db`;
  const log = await parts.start(openLog({ url: logUrl, logger }), (one) => one.close());
  const ledger = await parts.start(openLedger({ url: ledgerUrl }), (one) => one.close());
  const printer = createPrinter({ routes, sandboxes: sandboxes.byDestination });
  const running = await parts.start(
    startConnectors({ routes, selected: routes.routes, log, ledger, logger, onEvent: printer.onEvent }),
    (one, graceMs) => one.stop({ graceMs }),
  );
  const ingress = await parts.start(listen({ routes, log, port: options.port }), (one, graceMs) => one.stop({ graceMs }));

  console.log(`${bold("Patchbay demo")}: webhook at ${ingress.url}/webhooks/voiceinfra, files in ${FOLDER}, routes in ${routes.path}`);
  console.log(folder.cleared ? `It starts fresh: what an earlier demo left in ${FOLDER} is removed.\n` : "");
  await postSamples({ url: `${ingress.url}/webhooks/voiceinfra`, printer, startedAtMs });
  const allEnded = await printer.allEnded(ALL_ENDED_WITHIN_MS);

  console.log(`\n${formatLag(await settledLag({ routes: routes.routes, log, ledger }))}\n`);
  console.log(printer.summary());
  const webhook = `--url ${ingress.url}/webhooks/voiceinfra --secret ${SECRET}`;
  if (!options.once)
    console.log(`\nIt keeps running; Ctrl-C ends it. In another terminal:
  npm run -s patchbay -- send ${webhook}
  npm run -s patchbay -- lag --watch --routes ${routes.path} --log ${logUrl} --ledger ${ledgerUrl}
  npm run -s patchbay -- deliveries --routes ${routes.path} --log ${logUrl} --ledger ${ledgerUrl}\n`);
  return { allEnded, failed: running.failed };
}

/** Positions are stored a moment after the last delivery ended: the table would show calls behind it that are delivered. */
async function settledLag(options: { routes: Route[]; log: Log; ledger: Ledger }): Promise<LagReport> {
  for (const giveUpAtMs = performance.now() + 5_000; ; await systemClock.sleep(100)) {
    const report = await readLag({ ...options, nowMs: Date.now() });
    if (report.routes.every(({ lag }) => lag === 0) || performance.now() > giveUpAtMs) return report;
  }
}

interface DemoSandboxes {
  byDestination: Map<string, Sandbox>;
  /** The settings that lead to them, as the demo's routes file names them: `DEMO_SLACK_TOKEN`. */
  env: Record<string, string>;
}

async function startSandboxes(parts: Parts): Promise<DemoSandboxes> {
  const started: DemoSandboxes = { byDestination: new Map(), env: {} };
  for (const [name, connector] of Object.entries(registry)) {
    const sandbox = (await connector.sandbox()).createSandbox();
    const served = await parts.start(serveSandbox({ sandbox }), (one) => one.close());
    started.byDestination.set(name, sandbox);
    for (const [key, value] of Object.entries(sandbox.settings({ url: served.url, folder: FOLDER }))) {
      started.env[`DEMO_${name}_${key}`.toUpperCase()] = value;
    }
  }
  return started;
}

/** On 8080, or on a free port if that is taken and the user did not ask for one. */
async function listen(options: { routes: LoadedRoutes; log: Log; port: number | undefined }): Promise<Ingress> {
  const { routes, log, port } = options;
  const logger = createLogger({ level: "fatal" });
  try {
    return await startIngress({ sources: routes.sources, log, logger, port: port ?? 8080 });
  } catch (error) {
    if (port !== undefined || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return startIngress({ sources: routes.sources, log, logger, port: 0 });
  }
}

async function postSamples(options: { url: string; printer: Printer; startedAtMs: number }): Promise<void> {
  const { url, printer, startedAtMs } = options;
  const bodies = [
    documentedExample(),
    ...Array.from({ length: SAMPLE_COUNT }, (_, index) => Buffer.from(JSON.stringify(sampleCall(index)))),
  ];
  for (const body of bodies) {
    const { call_id, call_outcome, duration_seconds } = JSON.parse(body.toString());
    printer.expect(call_id, `${call_outcome}, ${duration_seconds} s`);
    const answer = await post({ url, secret: SECRET, body });
    printer.accepted(call_id, `${answer.status} in ${Math.round(answer.tookMs)} ms`, performance.now() - startedAtMs);
  }
}
