import type { Connector } from "../../connector/index.ts";
import { RoutesFileError } from "../../errors.ts";
import { didYouMean } from "../../lib/text/did-you-mean.ts";
import { parseDurationMs, parseRateIntervalMs } from "../../lib/time/duration.ts";
import type { Destination } from "../../route.ts";
import { findingsOf } from "../diagnose/issues.ts";
import { plainAddresses } from "../diagnose/plain-addresses.ts";
import type { Finding, Problems } from "../diagnose/problems.ts";
import { createProblems } from "../diagnose/problems.ts";
import type { Path, RoutesDocument } from "../file/document.ts";
import type { RoutesFile } from "../file/schema.ts";
import { isOpenAddress, maskSecrets, secretKeysOf } from "../file/secrets.ts";
import { LITERAL_HINT } from "../file/sources.ts";
import { hasVariables } from "../file/variable-syntax.ts";
import { type Environment, resolveVariables } from "../file/variables.ts";
import { installHint, isInstalled as isInstalledHere } from "../plugins/packages.ts";

/** Also the longest: an attempt must end before a stopping process is killed (house rule, 15 s of 25 s grace). */
const MAX_TIMEOUT_MS = 15_000;

/** Destinations of the file; those with a mistake are left out, their mistakes are in `problems`. */
export function loadDestinations(options: {
  file: string;
  destinations: RoutesFile["destinations"];
  connectors: Record<string, Connector>;
  document: RoutesDocument;
  env: Environment;
  /** Whether this process needs a destination's variables. */
  needs(name: string, connector: string): boolean;
  /** What a package that is missing is; absent: it is not asked for, and `open` says it. */
  missingPackage?: "error" | "warning" | undefined;
  isInstalled?: ((name: string) => boolean) | undefined;
  /** A connector that is not ours may be one of the file's, whose code was not run. */
  withoutCode: boolean;
  problems: Problems;
}): Map<string, Destination> {
  const { file, connectors, document, env, needs, problems } = options;
  const loaded = new Map<string, Destination>();

  for (const [name, { connector: connectorName, ...value }] of Object.entries(options.destinations)) {
    const base = ["destinations", name];
    const connector = connectorOf({ ...options, name: connectorName, at: document.at([...base, "connector"]) });
    if (!connector) continue;
    const secretKeys = secretKeysOf(connector.settings);
    for (const key of secretKeys) warnOfLiterals({ value: value[key], path: [...base, key], document, problems });

    const read = (resolve: boolean) => readSettings({ value, base, connector, secretKeys, document, env, resolve });
    const first = read(needs(name, connectorName));
    for (const finding of first.findings) problems.add(finding);
    const at = document.at([...base, "connector"]);
    const note = connector.note?.(first.written);
    if (note) problems.warn({ at, message: note });
    checkPackages({ ...options, connector, written: first.written, at });

    loaded.set(name, {
      name,
      connector,
      timeoutMs: first.timeoutMs,
      // A connector's own default stands in its settings' schema.
      intervalMs: parseRateIntervalMs(String(first.settings?.rate ?? value.rate)),
      lingerMs: parseDurationMs(String(value.linger)),
      onAmbiguous: value.on_ambiguous === "send_again" ? "send_again" : "dead",
      fingerprint: JSON.stringify([connectorName, value]),
      checkWith: (withValue) => connector.checkWith?.({ with: withValue, written: first.written }) ?? [],
      settings() {
        // Read again each time: `${file:…}` may have been replaced since.
        const now = read(true);
        if (now.settings) return now.settings;
        const found = createProblems(file);
        for (const finding of now.findings) found.add(finding);
        throw new RoutesFileError(found.errors(), maskSecrets({ text: document.text, document, connectors }));
      },
    });
  }
  return loaded;
}

/** Undefined where there is none of that name, which is said then. */
function connectorOf(options: {
  name: string;
  at: Finding["at"];
  connectors: Record<string, Connector>;
  withoutCode: boolean;
  problems: Problems;
}): Connector | undefined {
  const { name, at, connectors, withoutCode, problems } = options;
  if (Object.hasOwn(connectors, name)) return connectors[name];
  const names = Object.keys(connectors);
  if (withoutCode) {
    const message = `"${name}" is not checked: the code of connectors that the file names is not run`;
    problems.warn({ at, message, hint: didYouMean(name, names) });
  } else {
    const hint = didYouMean(name, names) ?? `Connectors are ${names.join(", ")}.`;
    problems.add({ at, message: `unknown connector "${name}"`, hint });
  }
  return undefined;
}

/** A secret that stands in the file, or one of a list of them. In a group such as `headers` not each is one. */
function warnOfLiterals(options: { value: unknown; path: Path; document: RoutesDocument; problems: Problems }): void {
  const { value, path, document, problems } = options;
  const key = String(path.findLast((part) => typeof part === "string"));
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) warnOfLiterals({ ...options, value: item, path: [...path, index] });
  } else if (typeof value === "string" && value !== "" && !hasVariables(value) && !isOpenAddress(key, value)) {
    problems.warn({ at: document.at(path), message: `"${key}" is written out in the file`, hint: LITERAL_HINT });
  }
}

function checkPackages(options: {
  connector: Connector;
  written: Record<string, unknown>;
  at: Finding["at"];
  missingPackage?: "error" | "warning" | undefined;
  isInstalled?: ((name: string) => boolean) | undefined;
  problems: Problems;
}): void {
  const { connector, written, at, missingPackage: severity, isInstalled = isInstalledHere, problems } = options;
  for (const name of severity ? (connector.needs?.(written) ?? []) : []) {
    if (!isInstalled(name))
      problems.add({ at, message: `it needs the package ${name}, which cannot be imported here`, hint: installHint(name), severity });
  }
}

function readSettings(options: {
  value: Record<string, unknown>;
  base: string[];
  connector: Connector;
  secretKeys: Set<string>;
  document: RoutesDocument;
  env: Environment;
  resolve: boolean;
}): { settings: Record<string, unknown> | undefined; written: Record<string, unknown>; findings: Finding[]; timeoutMs: number } {
  const { value, base, connector, secretKeys, document, env, resolve } = options;
  const isSecret = (path: readonly PropertyKey[]) => secretKeys.has(String(path[0]));
  const resolved = resolveVariables({ value, base, document, env, resolve, isSecret });
  const filled = resolved.value as Record<string, unknown>;
  const findings = [...resolved.findings, ...plainAddresses({ settings: filled, base, open: resolved.open, document, env })];

  const parsed = connector.settings.safeParse(resolved.value);
  if (!parsed.success) {
    const issues = parsed.error.issues.filter(
      (issue) => !resolved.open.some((path) => path.every((part, index) => issue.path[index] === part)),
    );
    findings.push(...findingsOf({ issues, base, schema: connector.settings, document, value }));
  }

  const timeout = timeoutMsOf(filled.timeout);
  if (timeout === 0 || timeout > MAX_TIMEOUT_MS) {
    findings.push({
      at: document.at([...base, "timeout"]),
      message: '"timeout" must be at least 1ms and at most 15s',
      hint: "A longer attempt could not end before a stopping process is killed.",
    });
  }
  const wrong = findings.some(({ severity }) => severity !== "warning");
  const settings = parsed.success && !wrong && resolved.open.length === 0 ? parsed.data : undefined;
  return { settings, written: filled, findings, timeoutMs: timeout };
}

function timeoutMsOf(timeout: unknown): number {
  const text = String(timeout);
  // What is no timeout is the schema's to say.
  return /^\d+(ms|s)$/.test(text) ? (parseDurationMs(text) ?? Number.POSITIVE_INFINITY) : MAX_TIMEOUT_MS;
}
