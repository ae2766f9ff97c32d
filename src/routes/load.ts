import { createHash } from "node:crypto";
import type { Connector } from "../connector/index.ts";
import { type Problem, UsageError } from "../errors.ts";
import { memoize } from "../lib/cache/memoize.ts";
import { isTimezone } from "../lib/time/timezone.ts";
import { createDescribe } from "../model/describe.ts";
import { createUnknownCalls } from "../model/unknown-calls.ts";
import type { Routes } from "../route.ts";
import { createWhenCompiler, type WhenCompiler } from "./cel/when.ts";
import { loadDestinations } from "./compile/destinations.ts";
import { checkDirection } from "./compile/direction.ts";
import { dryRunTest } from "./compile/dry-run.ts";
import { loadRetention, type Retention } from "./compile/retention.ts";
import { needsDestination, needsRoute, needsShared, needsSources, type Role } from "./compile/role.ts";
import { loadRouteList } from "./compile/routes.ts";
import { sampleCalls } from "./compile/sample-calls.ts";
import { loadShared } from "./compile/shared-settings.ts";
import { loadTestWhen, withTests } from "./compile/test-when.ts";
import { createProblems, type Finding, type Problems } from "./diagnose/problems.ts";
import { checkUnfilled } from "./diagnose/unfilled.ts";
import { type RoutesDocument, readDocument } from "./file/document.ts";
import { readRoutesFile } from "./file/read-file.ts";
import type { RoutesFile } from "./file/schema.ts";
import { type Copy, copyForLedger, maskSecrets } from "./file/secrets.ts";
import { loadSources, type Source } from "./file/sources.ts";
import { checkShape } from "./file/validate.ts";
import type { Environment } from "./file/variables.ts";
import { createLiquids } from "./liquid/engine.ts";

/** routes.yaml, loaded, with what only some commands need. */
export interface LoadedRoutes extends Routes {
  /** Ours and those that the file names. */
  connectors: Record<string, Connector>;
  sources: Source[];
  /** Worth a look, and no reason to stop. */
  warnings: Problem[];
  retention: Retention;
  /** `own_numbers`, as the file has them. */
  ownNumbers: readonly string[];
  /** As it stands in the file. */
  fileText: string;
  /** For the ledger. */
  copy: Copy;
  /** The file's text for showing the lines of warnings; literal secrets are masked. */
  text: string;
}

export interface LoadOptions {
  /** As given on the command line; problems name it so. */
  path: string;
  /** In place of reading the file. */
  text?: string;
  /** Of a copy that the ledger keeps: the file's version, which the copy's own text does not give where a secret is withheld. */
  version?: string | undefined;
  env: Environment;
  connectors: Record<string, Connector>;
  /** What went wrong with those of them that the file names (`withExternalConnectors`). */
  connectorFindings?: Finding[];
  /** Connectors that the file names were not run (`check --no-code`): what they alone know is not checked. */
  withoutCode?: boolean | undefined;
  /** In place of looking. */
  isInstalled?: (name: string) => boolean;
  role: Role;
}

/** The file as values in their declared form, and as it may be shown. @throws as {@link loadRoutes} where nothing can be checked further. */
function readForm(options: { path: string; text: string; connectors: Record<string, Connector>; problems: Problems }) {
  const { path, text, connectors, problems } = options;
  const document = readDocument({ text, problems });
  if (document.value === null || document.value === undefined) {
    problems.throwIfAny(maskSecrets({ text, connectors }));
    throw new UsageError(`${path} is empty`, {
      hint: "Begin with version: 1, sources, destinations and routes: docs/routes.md shows them.",
    });
  }
  const shown = maskSecrets({ text, document, connectors });
  return { document, shown, file: checkShape({ document, problems, shown }) };
}

/** What the file makes of a record, the sample calls that it makes so, and a count of real ones that it says too little of. */
function callsOf(options: {
  file: RoutesFile;
  document: RoutesDocument;
  shared: ReturnType<typeof loadShared>;
  when: WhenCompiler;
  problems: Problems;
}) {
  const { file, document, shared, when, problems } = options;
  const unknown = createUnknownCalls();
  const tests = loadTestWhen({ file, document, when, problems });
  // Samples are no calls: they are not counted among the unknown ones.
  const samplesOf = memoize((source) => sampleCalls({ describe: createDescribe(shared), agents: shared.agents, source }));
  for (const [source, condition] of tests) {
    const at = document.at(["sources", source, "test_when"]);
    dryRunTest({ when: condition, samples: samplesOf(source), at, problems });
  }
  return { describe: withTests({ describe: createDescribe({ ...shared, unknown }), tests }), samplesOf, unknown };
}

/**
 * Reads, checks and compiles routes.yaml. What one part gets wrong does not hide what is wrong with the others.
 * @throws {RoutesFileError} with every mistake, {UsageError} when there is no such file.
 */
export function loadRoutes(options: LoadOptions): LoadedRoutes {
  const { path, env, connectors, role } = options;
  const text = (options.text ?? readRoutesFile(path)).replace(/^\uFEFF/, "");
  const problems = createProblems(path);
  const { document, file, shown } = readForm({ path, text, connectors, problems });

  for (const finding of options.connectorFindings ?? []) problems.add(finding);
  const sources = loadSources({ sources: file.sources, document, env, resolve: needsSources(role), problems });
  const routesTo = (name: string) => file.routes.filter((route) => route.to === name).map((route) => route.id);
  const destinations = loadDestinations({
    file: path,
    destinations: file.destinations,
    connectors,
    document,
    env,
    needs: (name, connector) => needsDestination(role, { connector, routes: routesTo(name) }),
    missingPackage: role.kind === "check" ? "error" : role.kind === "check-no-env" ? "warning" : undefined,
    isInstalled: options.isInstalled,
    withoutCode: options.withoutCode === true && (file.connectors ?? []).length > 0,
    problems,
  });
  checkUnfilled({ document, problems });
  const shared = loadShared({ file, document, env, resolve: needsShared(role), problems });
  const timezone = file.timezone !== undefined && isTimezone(file.timezone) ? file.timezone : "UTC";
  const sourceNames = Object.keys(file.sources);
  const known = { agents: shared.agents, sources: sourceNames };
  const when = createWhenCompiler({ timezone, known });
  const { describe, samplesOf, unknown } = callsOf({ file, document, shared, when, problems });
  const retention = loadRetention({ file, document, problems });
  const routes = loadRouteList(file.routes, {
    document,
    problems,
    sourceNames,
    destinationNames: Object.keys(file.destinations),
    destinations,
    when,
    liquids: createLiquids({ timezone }),
    env,
    known,
    needs: (route) => needsRoute(role, route),
    samplesOf,
  });
  if (problems.errors().length === 0) {
    checkDirection({ ...shared, routes: file.routes, destinations, document, problems });
    for (const name of Object.keys(file.destinations)) {
      if (routesTo(name).length === 0)
        problems.warn({ at: document.atKey(["destinations", name]), message: `no route leads to "${name}"` });
    }
  }
  problems.throwIfAny(shown);

  return {
    connectors,
    path,
    version: options.version ?? createHash("sha256").update(text).digest("hex").slice(0, 12),
    timezone,
    destinations: [...destinations.values()],
    routes,
    describe,
    unknown: unknown.seen,
    retention,
    ownNumbers: shared.ownNumbers,
    fileText: text,
    copy: copyForLedger({ text, document, connectors }),
    sources,
    warnings: problems.warnings(),
    text: shown,
  };
}
