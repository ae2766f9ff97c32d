import type { Connector } from "../connector.ts";
import { RoutesFileError } from "../errors.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import { parseRateIntervalMs } from "../lib/duration.ts";
import type { Destination } from "../route.ts";
import type { RoutesDocument } from "./document.ts";
import { findingsOf } from "./issues.ts";
import type { Finding, Problems } from "./problems.ts";
import { createProblems } from "./problems.ts";
import type { RoutesFile } from "./schema.ts";
import { isOpenAddress, maskSecrets, secretKeysOf } from "./secrets.ts";
import { LITERAL_HINT } from "./sources.ts";
import { type Environment, hasVariables, resolveVariables } from "./variables.ts";

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
  problems: Problems;
}): Map<string, Destination> {
  const { file, connectors, document, env, needs, problems } = options;
  const loaded = new Map<string, Destination>();

  for (const [name, { connector: connectorName, ...value }] of Object.entries(options.destinations)) {
    const base = ["destinations", name];
    const connector = Object.hasOwn(connectors, connectorName) ? connectors[connectorName] : undefined;
    if (!connector) {
      const names = Object.keys(connectors);
      const hint = didYouMean(connectorName, names) ?? `Connectors are ${names.join(", ")}.`;
      problems.add({ at: document.at([...base, "connector"]), message: `unknown connector "${connectorName}"`, hint });
      continue;
    }

    const secretKeys = secretKeysOf(connector.settings);
    for (const key of secretKeys) {
      const text = value[key];
      if (typeof text !== "string" || text === "" || hasVariables(text) || isOpenAddress(key, text)) continue;
      problems.warn({ at: document.at([...base, key]), message: `"${key}" is written out in the file`, hint: LITERAL_HINT });
    }

    const read = (resolve: boolean) => readSettings({ value, base, connector, secretKeys, document, env, resolve });
    const first = read(needs(name, connectorName));
    for (const finding of first.findings) problems.add(finding);
    const note = connector.note?.(first.written);
    if (note) problems.warn({ at: document.at([...base, "connector"]), message: note });

    loaded.set(name, {
      name,
      connector,
      timeoutMs: first.timeoutMs,
      // A connector's own default stands in its settings' schema.
      intervalMs: parseRateIntervalMs(String(first.settings?.rate ?? value.rate)),
      lingerMs: millisecondsOf(value.linger),
      onAmbiguous: value.on_ambiguous === "send_again" ? "send_again" : "dead",
      fingerprint: JSON.stringify([connectorName, value]),
      checkWith: (withValue) => connector.checkWith?.({ with: withValue, written: first.written }) ?? [],
      settings() {
        // Read anew each time: `${file:…}` may have been mended since.
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
  const findings = [...resolved.findings];

  const parsed = connector.settings.safeParse(resolved.value);
  if (!parsed.success) {
    const issues = parsed.error.issues.filter(
      (issue) => !resolved.open.some((path) => path.every((part, index) => issue.path[index] === part)),
    );
    findings.push(...findingsOf({ issues, base, schema: connector.settings, document, value }));
  }

  const timeout = timeoutMsOf((resolved.value as Record<string, unknown>).timeout);
  if (timeout === 0 || timeout > MAX_TIMEOUT_MS) {
    findings.push({
      at: document.at([...base, "timeout"]),
      message: '"timeout" must be at least 1ms and at most 15s',
      hint: "A longer attempt could not end before a stopping process is killed.",
    });
  }
  const settings = parsed.success && findings.length === 0 && resolved.open.length === 0 ? parsed.data : undefined;
  return { settings, written: resolved.value as Record<string, unknown>, findings, timeoutMs: timeout };
}

function timeoutMsOf(timeout: unknown): number {
  return millisecondsOf(timeout) ?? MAX_TIMEOUT_MS;
}

function millisecondsOf(time: unknown): number | undefined {
  const match = typeof time === "string" ? /^(\d+)(ms|s)$/.exec(time) : null;
  return match ? Number(match[1]) * (match[2] === "s" ? 1000 : 1) : undefined;
}
