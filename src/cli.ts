import { Command, InvalidArgumentError, Option } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { reportError } from "./commands/report-error.ts";

const program = new Command("patchbay")
  .description("Carries every finished VoiceInfra call to your CRM, chat and warehouse, as wired in routes.yaml.")
  .version(packageJson.version)
  .showHelpAfterError("(patchbay --help shows the commands, patchbay <command> --help its options)")
  .addHelpText(
    "after",
    `
Start here:
  patchbay demo                         everything on this machine, destinations replaced by sandboxes
  patchbay check                        finds every mistake in routes.yaml
  patchbay up                           ingress and all routes in one process

Exit codes: 0 fine, 1 the answer is no, 2 wrong usage or configuration, 3 a needed service is not reachable.`,
  );

const positive = (text: string) => {
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new InvalidArgumentError("give a number above 0");
  return number;
};
const wholePositive = (text: string) => {
  const number = positive(text);
  if (!Number.isInteger(number)) throw new InvalidArgumentError("give a whole number above 0");
  return number;
};
const portNumber = (text: string) => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65535)
    throw new InvalidArgumentError("give a port from 0 (any free one) to 65535");
  return number;
};

/** A command with the options that all share; its module is loaded when it runs, so that `--help` and small roles stay light. */
function command(nameAndArguments: string, description: string): Command {
  return program
    .command(nameAndArguments)
    .description(description)
    .addOption(new Option("--routes <file>", "the routes file (PATCHBAY_ROUTES, default ./routes.yaml)"))
    .addOption(new Option("--log <url>", "sqlite:<file> or kafka://host:9092 (PATCHBAY_LOG, default sqlite:data/patchbay.db)"))
    .addOption(new Option("--ledger <url>", "sqlite:<file> or postgres://… (PATCHBAY_LEDGER, default sqlite:data/ledger.db)"));
}

const portOption = () => new Option("--port <number>", "port of the webhooks (PORT, default 8080)").argParser(portNumber);
const opsPortOption = () =>
  new Option("--ops-port <number>", "port of /healthz, /readyz, /metrics (PATCHBAY_OPS_PORT, default 9090; 0 = any free one)").argParser(
    portNumber,
  );
const jsonOption = () => new Option("--json", "for programs");

command("demo", "shows everything at work on this machine: sample calls, sandboxes, a lag table")
  .addOption(portOption())
  .option("--once", "ends after the sample calls, with a summary")
  .action(async (options) => end((await import("./commands/demo.ts")).demoCommand(options)));

command("up", "runs the ingress and all routes in one process")
  .addOption(portOption())
  .addOption(opsPortOption())
  .action(async (options) => end((await import("./commands/up.ts")).upCommand(options)));

command("ingress", "runs the webhook endpoint alone")
  .addOption(portOption())
  .action(async (options) => end((await import("./commands/ingress.ts")).ingressCommand(options)));

command("connector [names...]", "runs all routes to destinations of these connectors, or the routes given with --route")
  .option("--route <id...>", "only these routes")
  .addOption(opsPortOption())
  .action(async (names, options) => end((await import("./commands/connector.ts")).connectorCommand(names, options)));

command("check", "finds every mistake in routes.yaml")
  .option("--no-env", "do not ask for variables (for CI)")
  .addOption(jsonOption())
  .action(async (options) => end((await import("./commands/check.ts")).checkCommand(options)));

command("send [file]", "signs and posts a call as VoiceInfra would; without a file, a sample")
  .option("--url <url>", "the webhook (default http://127.0.0.1:8080/webhooks/voiceinfra)")
  .option("--secret <text>", "the webhook secret (VOICEINFRA_WEBHOOK_SECRET)")
  .addOption(new Option("--count <n>", "how many").argParser(wholePositive).default(1))
  .addOption(new Option("--rate <per-second>", "how many a second").argParser(positive))
  .addOption(jsonOption())
  .action(async (file, options) => end((await import("./commands/send.ts")).sendCommand(file, options)));

command("lag", "shows how far each route is behind, and why")
  .option("--watch", "again every second")
  .addOption(jsonOption())
  .action(async (options) => end((await import("./commands/lag.ts")).lagCommand(options)));

command("deliveries [call_id]", "shows where calls are, and why")
  .option("--route <id>", "only this route")
  .addOption(new Option("--state <state>", "only these").choices(["sending", "delivered", "skipped", "waiting", "dead"]))
  .addOption(new Option("--limit <n>", "at most so many").argParser(wholePositive).default(50))
  .addOption(jsonOption())
  .action(async (callId, options) => end((await import("./commands/deliveries.ts")).deliveriesCommand(callId, options)));

/** The command's exit code becomes the process', once all output is written. */
async function end(running: Promise<number | undefined>): Promise<void> {
  process.exitCode = (await running) ?? 0;
}

program.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
for (const one of program.commands) one.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
program.parseAsync().catch((error) => {
  process.exitCode = reportError(error);
});
