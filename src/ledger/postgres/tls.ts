/** `sslmode` as libpq documents it: https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION */
import { readFileSync } from "node:fs";
import { UsageError } from "../../errors.ts";
import { explainFileError } from "../../lib/files/file-errors.ts";
import { closest } from "../../lib/text/did-you-mean.ts";

/** One way to connect: without TLS, or with these settings of Node's. */
export type Tls =
  | false
  | { rejectUnauthorized?: boolean; checkServerIdentity?: () => undefined; ca?: string; cert?: string; key?: string; passphrase?: string };

const MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
const MODES_OF_SSL: Record<string, string> = {
  true: "verify-full",
  "1": "verify-full",
  "no-verify": "no-verify",
  false: "disable",
  "0": "disable",
};

/** @throws {UsageError} for a mode that is none, or a file that cannot be used. */
export function tlsOf(options: Map<string, string>): Tls[] {
  const ssl = options.get("ssl");
  const mode = options.get("sslmode") || (ssl === undefined ? process.env.PGSSLMODE || "prefer" : (MODES_OF_SSL[ssl] ?? ssl));
  const rootFile = options.get("sslrootcert");
  const ca = rootFile === undefined || rootFile === "system" ? undefined : read("sslrootcert", rootFile);
  const passphrase = options.get("sslpassword");
  const own = {
    ...(options.has("sslcert") ? { cert: read("sslcert", options.get("sslcert") ?? "") } : {}),
    ...(options.has("sslkey") ? { key: read("sslkey", options.get("sslkey") ?? "") } : {}),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
  const encrypted: Tls = { ...own, rejectUnauthorized: false };
  const verified: Tls = { ...own, ...(ca === undefined ? {} : { ca }) };
  // A certificate of that authority will do, whatever host it names.
  const byAuthority: Tls = { ...verified, checkServerIdentity: () => undefined };
  switch (mode) {
    case "disable":
      return [false];
    case "allow":
      return [false, encrypted];
    case "prefer":
      return [encrypted, false];
    case "require":
      return [ca === undefined ? encrypted : byAuthority];
    case "no-verify":
      return [encrypted];
    case "verify-ca":
      // Without an authority of one's own the system's are asked, to which anybody may belong: the host counts too.
      return [ca === undefined ? verified : byAuthority];
    case "verify-full":
      return [verified];
  }
  const near = closest(mode, MODES);
  throw new UsageError("the ledger's sslmode= is not known", {
    hint: near === undefined ? `Modes are ${MODES.join(", ")}.` : `Is ${near} meant?`,
  });
}

function read(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw explainFileError(error, { path, what: `the ledger's ${option}` });
  }
}
