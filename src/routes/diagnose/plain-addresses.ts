import type { Path, RoutesDocument } from "../file/document.ts";
import type { Environment } from "../file/variables.ts";
import type { Finding } from "./problems.ts";

/** pg reads these as TLS; `disable`, `allow` and none are not. */
const TLS_MODES = new Set(["prefer", "require", "verify-ca", "verify-full", "no-verify"]);

/**
 * Addresses among a destination's settings that lead over a network without TLS: credentials and calls can be read on the way. This machine is no
 * network. The setting's value is not quoted.
 */
export function plainAddresses(options: {
  settings: Record<string, unknown>;
  base: Path;
  open: readonly Path[];
  document: RoutesDocument;
  env: Environment;
}): Finding[] {
  const { settings, base, open, document, env } = options;
  return Object.entries(settings).flatMap(([key, value]) => {
    if (typeof value !== "string" || open.some(([first]) => first === key)) return [];
    const hint = tlsHint(value, env);
    if (hint === undefined) return [];
    const message = `"${key}" leads over the network without TLS: credentials and calls can be read on the way`;
    return [{ at: document.at([...base, key]), message, hint, severity: "warning" }];
  });
}

/** How to have TLS at an address that has none; undefined where it has, or needs none. */
function tlsHint(text: string, env: Environment): string | undefined {
  const url = URL.parse(text.trim());
  if (!url || isThisMachine(url)) return undefined;
  switch (url.protocol) {
    case "http:":
      return "Write https://.";
    case "clickhouse:":
      return "Write clickhouses://, with the port that has TLS (8443).";
    case "postgres:":
    case "postgresql:": {
      const mode = url.searchParams.get("sslmode") ?? env.PGSSLMODE ?? "";
      const isOn = TLS_MODES.has(mode) || ["true", "1"].includes(url.searchParams.get("ssl") ?? "");
      return isOn ? undefined : "Add ?sslmode=verify-full to it.";
    }
    default:
      return undefined;
  }
}

/** Loopback, or a socket of the file system, which PostgreSQL's addresses can name. */
function isThisMachine(url: URL): boolean {
  const host = (url.searchParams.get("host") ?? url.hostname).replace(/^\[|\]$/g, "").toLowerCase();
  return host === "" || host.startsWith("/") || host.startsWith("%2f") || /^(localhost|.*\.localhost|127(\.\d+){3}|::1)$/.test(host);
}
