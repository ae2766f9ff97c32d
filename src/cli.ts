import { Command, InvalidArgumentError, Option } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { certifyHelp } from "./commands/certify-help.ts";
import { reportError } from "./commands/report-error.ts";
import { privateMask } from "./lib/files/private-file.ts";
import { flushOutput, protectOutput } from "./lib/process/output.ts";
import { asTyped, typeCommands } from "./lib/text/typed-command.ts";

protectOutput();
process.umask(privateMask());

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

Exit codes: 0 fine, 1 the answer is no, or you said no, 2 wrong usage or configuration, a missing --yes too, 3 a needed service is not reachable.`,
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
  return withEngines(program.command(nameAndArguments).description(description));
}

/** `hidden`: the command refuses them, and says why. */
function withEngines(one: Command, { hidden = false }: { hidden?: boolean } = {}): Command {
  const options = [
    new Option("--routes <file>", "the routes file (PATCHBAY_ROUTES, default ./routes.yaml)"),
    new Option("--log <url>", "sqlite:<file> or kafka://host:9092 (PATCHBAY_LOG, default sqlite:data/patchbay.db)"),
    new Option("--ledger <url>", "sqlite:<file> or postgres://… (PATCHBAY_LEDGER, default sqlite:data/ledger.db)"),
  ];
  for (const option of options) one.addOption(option.hideHelp(hidden));
  return one;
}

const portOption = () => new Option("--port <number>", "port of the webhooks (PORT, default 8080)").argParser(portNumber);
const opsPortOption = () =>
  new Option("--ops-port <number>", "port of /healthz, /readyz, /metrics (PATCHBAY_OPS_PORT, default 9090; 0 = any free one)").argParser(
    portNumber,
  );
const hostOption = () =>
  new Option("--host <address>", "address of this machine on which the webhooks listen (PATCHBAY_HOST, default all)");
const opsHostOption = () =>
  new Option("--ops-host <address>", "address of this machine for the ops port (PATCHBAY_OPS_HOST, default 127.0.0.1; all for every one)");
const jsonOption = () => new Option("--json", "for programs");
const limitOption = () => new Option("--limit <n>", "at most so many").argParser(wholePositive).default(50);

const waitHelp = "where the routes file cannot be used yet, say why and wait until it can rather than end (for containers)";

withEngines(program.command("demo").description("shows everything at work on this machine: sample calls, sandboxes, a lag table"), {
  hidden: true,
})
  .addOption(portOption())
  .option("--once", "ends after the sample calls, with a summary")
  .action(async (options) => end((await import("./commands/demo.ts")).demoCommand(options)));

command("up", "runs the ingress and all routes in one process")
  .option("--wait", waitHelp)
  .addOption(portOption())
  .addOption(hostOption())
  .addOption(opsPortOption())
  .addOption(opsHostOption())
  .action(async (options) => end((await import("./commands/up.ts")).upCommand(options)));

command("ingress", "runs the webhook endpoint alone")
  .option("--wait", waitHelp)
  .addOption(portOption())
  .addOption(hostOption())
  .addOption(opsPortOption())
  .addOption(opsHostOption())
  .action(async (options) => end((await import("./commands/ingress.ts")).ingressCommand(options)));

command("connector [names...]", "runs all routes to destinations of these connectors, or the routes given with --route")
  .option("--route <id...>", "only these routes")
  .option("--wait", "where no route leads to them, or the routes file cannot be used yet, say it and wait rather than end (for containers)")
  .addOption(opsPortOption())
  .addOption(opsHostOption())
  .action(async (names, options) => end((await import("./commands/connector.ts")).connectorCommand(names, options)));

command("check [file]", "finds every mistake in routes.yaml")
  .option("--no-env", "do not ask for variables (for CI)")
  .option("--no-code", "do not run connectors that the file names: for a file that you do not trust")
  .addOption(jsonOption())
  .action(async (file, options) => end((await import("./commands/check.ts")).checkCommand(file, options)));

command("setup <destination>", "makes what must exist at a destination once, and says what it made")
  .addOption(jsonOption())
  .action(async (destination, options) => end((await import("./commands/setup.ts")).setupCommand(destination, options)));

command("test <destination>", "sends one marked call to a destination, reads it back, changes it, cleans up")
  .option("--route <id>", "by this route (default: the first to it)")
  .option("--keep", "leaves the call there")
  .addOption(jsonOption())
  .action(async (destination, options) =>
    end((await import("./commands/test-destination.ts")).testDestinationCommand(destination, options)),
  );

command("send [file]", "signs and posts a call as VoiceInfra would; without a file, a sample")
  .option("--url <url>", "the webhook (default http://127.0.0.1:8080/webhooks/voiceinfra)")
  .option("--secret <text>", "the webhook secret (VOICEINFRA_WEBHOOK_SECRET); other users of this machine can read it meanwhile")
  .option("--secret-file <file>", "the same, from a file")
  .addOption(new Option("--count <n>", "how many").argParser(wholePositive).default(1))
  .addOption(new Option("--rate <per-second>", "how many a second").argParser(positive))
  .option("--test", "as VoiceInfra's Test button would: call_id begins with test_")
  .addOption(jsonOption())
  .action(async (file, options) => end((await import("./commands/send.ts")).sendCommand(file, options)));

command("lag", "shows how far each route is behind, and why")
  .option("--watch", "again every second")
  .addOption(jsonOption())
  .action(async (options) => end((await import("./commands/lag.ts")).lagCommand(options)));

command("deliveries [call_id]", "shows where calls are, and why")
  .option("--route <id>", "only this route")
  .addOption(new Option("--state <state>", "only these").choices(["sending", "delivered", "skipped", "waiting", "dead"]))
  .option("--unmatched", "only delivered calls whose number nobody has in the CRM, or several people")
  .addOption(limitOption())
  .addOption(jsonOption())
  .action(async (callId, options) => end((await import("./commands/deliveries.ts")).deliveriesCommand(callId, options)));

command("rematch <call_id>", "logs a call on the person that you choose; later versions of it stay there")
  .requiredOption("--to <id>", "the CRM's id of the person's record")
  .option("--route <id>", "where several routes have logged it")
  .option("--source <name>", "where two sources have a call of this id")
  .addOption(new Option("--yes", "do it without asking"))
  .addOption(jsonOption())
  .action(async (callId, options) => end((await import("./commands/rematch.ts")).rematchCommand(callId, options)));

const sinceOption = () => new Option("--since <time>", "at or after: 2d (ago), 2026-01-31, 2026-01-31T09:00:00Z");
const untilOption = () => new Option("--until <time>", "before; as --since");
const yesOption = () => new Option("--yes", "do it without asking");
const rateOption = () => new Option("--rate <per-second>", "at most so many a second").argParser(positive);
const reasonOption = (what: string) => new Option("--reason <text>", what);

const dead = command("dead", "dead letters: deliveries that were given up, with their reason");
const deadChoice = (one: Command) =>
  withEngines(one)
    .option("--route <id>", "only of this route")
    .option("--code <code>", "only with this error code")
    .addOption(sinceOption())
    .addOption(untilOption())
    .addOption(jsonOption());
deadChoice(dead.command("list").description("which, and why"))
  .addOption(limitOption())
  .action(async (options) => end((await import("./commands/dead.ts")).deadListCommand(options)));
deadChoice(dead.command("show <call_id>").description("its reason and the record itself")).action(async (callId, options) =>
  end((await import("./commands/dead.ts")).deadShowCommand(callId, options)),
);
deadChoice(dead.command("replay [call_id]").description("puts them on their routes again, after a look"))
  .option("--all", "all of them")
  .addOption(rateOption())
  .addOption(yesOption())
  .action(async (callId, options) => end((await import("./commands/dead.ts")).deadReplayCommand(callId, options)));
deadChoice(dead.command("discard [call_id]").description("gives them up for good"))
  .option("--all", "all of them")
  .addOption(reasonOption("why; kept beside each of them"))
  .addOption(yesOption())
  .action(async (callId, options) => end((await import("./commands/dead.ts")).deadDiscardCommand(callId, options)));

const quarantine = command("quarantine", "signed records that were no call records");
withEngines(quarantine.command("list").description("which, and what is wrong with them"))
  .addOption(jsonOption())
  .action(async (options) => end((await import("./commands/quarantine.ts")).quarantineListCommand(options)));
withEngines(quarantine.command("show <id>").description("the record itself"))
  .addOption(jsonOption())
  .action(async (id, options) => end((await import("./commands/quarantine.ts")).quarantineShowCommand(id, options)));
withEngines(quarantine.command("replay [id]").description("accepts what is a call record by now"))
  .option("--all", "all of them")
  .option("--again", "also where the call has come since: it goes back to this record")
  .addOption(yesOption())
  .addOption(jsonOption())
  .action(async (id, options) => end((await import("./commands/quarantine.ts")).quarantineReplayCommand(id, options)));

command("replay", "puts past calls of the log on a route again: a preview, then at a capped rate")
  .option("--route <id>", "which route")
  .addOption(sinceOption())
  .addOption(untilOption())
  .addOption(new Option("--only <which>", "failed: dead letters alone").choices(["failed"]))
  .option("--again", "also what was delivered already: its record is updated")
  .addOption(rateOption())
  .option("--continue <id>", "goes on with a replay that was stopped")
  .addOption(yesOption())
  .addOption(jsonOption())
  .action(async (options) => end((await import("./commands/replay.ts")).replayCommand(options)));

command("pause <route>", "stops a route; what comes in waits in the log")
  .addOption(reasonOption("why, for those who look at lag"))
  .addOption(yesOption().hideHelp())
  .addOption(jsonOption())
  .action(async (route, options) => end((await import("./commands/pause.ts")).pauseCommand(route, options)));

command("resume <route>", "goes on with all that gathered")
  .addOption(new Option("--from <time>", "skips what was accepted before: 2h (ago), 2026-01-31T09:00:00Z"))
  .option("--skip", "skips everything that gathered")
  .addOption(reasonOption("why calls are skipped; kept beside each of them"))
  .addOption(new Option("--yes", "skips without asking"))
  .addOption(jsonOption())
  .action(async (route, options) => end((await import("./commands/pause.ts")).resumeCommand(route, options)));

command("retire <route>", "removes what is left of a route that is no longer in the file")
  .addOption(yesOption())
  .addOption(jsonOption())
  .action(async (route, options) => end((await import("./commands/pause.ts")).retireCommand(route, options)));

command("actions", "shows who paused, resumed, replayed, discarded, rematched, retired, forgot and read what, and why")
  .option("--route <id>", "only of this route")
  .option("--verify", "whether any was changed or taken out since it was noted")
  .option("--against <seal>", "and whether everything up to this seal is still there: one that --verify has shown")
  .addOption(limitOption())
  .addOption(jsonOption())
  .action(async (options) => end((await import("./commands/actions.ts")).actionsCommand(options)));

command("audit", "proves that every accepted call came to an end, waits, or is still to be read")
  .addOption(sinceOption())
  .option("--route <id>", "only this route")
  .addOption(jsonOption())
  .action(async (options) => end((await import("./commands/audit.ts")).auditCommand(options)));

command("accept-loss <route>", "calls that retention took, or that cannot be read, are known of: audit is whole again")
  .addOption(reasonOption("why; kept with the actions"))
  .addOption(jsonOption())
  .action(async (route, options) => end((await import("./commands/accept-loss.ts")).acceptLossCommand(route, options)));

command("adopt-log", "after the log was lost or put back from an older copy: the ledger takes it as it is")
  .addOption(yesOption())
  .addOption(jsonOption())
  .action(async (options) => end((await import("./commands/adopt-log.ts")).adoptLogCommand(options)));

command("backup <folder>", "makes a whole copy of the embedded log and ledger, and of DuckDB files, while Patchbay works")
  .option("--no-destinations", "log and ledger alone")
  .addOption(jsonOption())
  .action(async (folder, options) => end((await import("./commands/backup.ts")).backupCommand(folder, options)));

command("restore <folder>", "puts a backup in the place of log and ledger")
  .option("--force", "where there is data: moves it aside")
  .option("--no-destinations", "log and ledger alone")
  .option("--forgotten <file...>", "also forgets what these files list: the ledger's .forgotten, kept elsewhere")
  .addOption(yesOption())
  .addOption(jsonOption())
  .action(async (folder, options) => end((await import("./commands/restore.ts")).restoreCommand(folder, options)));

command("forget <call_id_or_number>", "removes a call, or a number's calls: shows every place first")
  .addOption(yesOption())
  .addOption(jsonOption())
  .action(async (what, options) => end((await import("./commands/forget.ts")).forgetCommand(what, options)));

program
  .command("certify <connector>")
  .description("tries a connector against its own sandbox on bad days: limits, lost answers, kill -9; prints what was lost or doubled")
  .option("--only <case...>", "only cases whose name contains this")
  .option("--no-kill", "without kill -9, whose case starts some twenty processes")
  .addOption(jsonOption())
  .addHelpText("after", certifyHelp)
  .action(async (named, options) => end((await import("./commands/certify.ts")).certifyCommand(named, options)));

/** Ends the process with the command's exit code: what somebody else's SDK still holds (a socket, a timer) holds nothing up. */
async function end(running: Promise<number | undefined>): Promise<void> {
  await leave((await running) ?? 0);
}

async function leave(code: number): Promise<never> {
  const cut = await flushOutput();
  process.exit(cut ? reportError(cut) : code);
}

typeCommands({ env: process.env, fromSources: import.meta.url.endsWith(".ts"), names: program.commands.map((one) => one.name()) });
for (const one of [program, ...program.commands, ...dead.commands, ...quarantine.commands])
  one.configureOutput({
    writeOut: (text) => console.log(asTyped(text.replace(/\n$/, ""))),
    writeErr: (text) => console.error(asTyped(text.replace(/\n$/, ""))),
  });
program.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
for (const one of [...program.commands, ...dead.commands, ...quarantine.commands])
  one.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
program.parseAsync().catch((error) => leave(reportError(error)));
