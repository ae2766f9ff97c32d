/** `postgres://user:password@host:5432/database?schema=patchbay&sslmode=…` into what the driver is given; nothing of it is ever quoted. */
import { UsageError } from "../../errors.ts";
import { closest } from "../../lib/text/did-you-mean.ts";
import { type Tls, tlsOf } from "./tls.ts";

export interface PostgresAddress {
  /** `postgres://host:5432/database`, without credentials. */
  name: string;
  /** `host:5432`, or the folder of a socket. */
  address: string;
  schema: string;
  /** What is left undefined, the driver takes from PGHOST, PGUSER and their kin. */
  login: { host?: string; port?: number; user?: string; password?: string; database?: string };
  /** Of the session, as the user wants it: `-c geqo=off`. */
  options: string | undefined;
  applicationName: string;
  connectTimeoutMs: number;
  channelBinding: boolean;
  /** Ways to connect, tried one after the other. */
  tls: Tls[];
}

const CONNECT_TIMEOUT_MS = 5_000;
const FORM = "It has the form postgres://user:password@host:5432/database?schema=patchbay";
const ENCODED = `${FORM}; in user or password write %40 for @, %3A for :, %2F for /, %23 for #, %3F for ?.`;

/** https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS, `schema`, and `ssl` of other drivers. */
const OPTIONS = [
  ...["schema", "host", "port", "user", "password", "dbname", "options", "application_name", "connect_timeout", "channel_binding"],
  ...["sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "ssl"],
];
/** Known elsewhere, and without a meaning here. */
const PASSED_OVER = [
  ...["gssencmode", "krbsrvname", "gsslib", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"],
  ...["fallback_application_name", "client_encoding", "sslcompression", "sslsni", "target_session_attrs", "load_balance_hosts"],
  ...["uselibpqcompat", "pgbouncer", "connection_limit", "pool_timeout"],
];

/** @throws {UsageError} for a URL that cannot be read, an option that is not known, and a certificate's file that cannot be used. */
export function readUrl(url: string): PostgresAddress {
  // The last `@` before the options ends the login: a password with `@` or `/` in it would else be read, and shown, as host and database.
  const found = /^postgres(?:ql)?:\/\/(?:(?<login>[^?#]*)@)?(?<host>[^/?#@]*)(?:\/(?<database>[^?#@]*))?(?:\?(?<query>[^#]*))?$/.exec(
    url,
  )?.groups;
  if (!found) throw new UsageError("the ledger's URL cannot be read", { hint: ENCODED });
  const options = readOptions(found.query ?? "");
  const login = readLogin({ ...found, login: found.login }, options);
  const schema = options.get("schema") ?? searchPathOf(options.get("options")) ?? "public";
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new UsageError("the ledger's schema= cannot be the name of a schema", {
      hint: "A name has small letters, digits and _, begins with a letter, and is no longer than 63.",
    });
  }
  const address = login.host?.startsWith("/") ? login.host : `${hostOf(login.host)}:${login.port ?? process.env.PGPORT ?? 5432}`;
  return {
    name: `postgres://${address}/${login.database ?? ""}`,
    address,
    schema,
    login,
    options: options.get("options"),
    applicationName: options.get("application_name") || "patchbay",
    connectTimeoutMs: Number(options.get("connect_timeout") ?? 0) * 1000 || CONNECT_TIMEOUT_MS,
    channelBinding: options.get("channel_binding") === "require",
    tls: tlsOf(options),
  };
}

const hostOf = (host: string | undefined) => (host?.includes(":") ? `[${host}]` : (host ?? process.env.PGHOST ?? "localhost"));

function readOptions(query: string): Map<string, string> {
  const options = new Map(new URLSearchParams(query));
  for (const name of options.keys()) {
    if (OPTIONS.includes(name) || PASSED_OVER.includes(name)) continue;
    const near = closest(name, OPTIONS);
    throw new UsageError("the ledger's URL has an option that is not known", {
      hint: near === undefined ? `Options are ${OPTIONS.join(", ")}.` : `Is ${near}= meant?`,
    });
  }
  return options;
}

function readLogin(url: Record<string, string | undefined>, options: Map<string, string>): PostgresAddress["login"] {
  const [user, password] = splitOnce(url.login ?? "", ":");
  // `[::1]:5432`, `host:5432`, and a socket's folder as `%2Frun%2Fpostgresql`.
  const { name, digits } = /^(?<name>\[[^\]]*\]|[^:]*)(?::(?<digits>\d*))?$/.exec(url.host ?? "")?.groups ?? {};
  if (name === undefined || name.includes(",") || options.get("host")?.includes(",")) {
    throw new UsageError("the ledger's URL does not name one host and its port", {
      hint: `Several hosts are not tried in turn: name the address that leads to the primary. ${FORM}.`,
    });
  }
  const port = options.get("port") ?? digits;
  if (port && !(Number(port) > 0 && Number(port) <= 65535)) throw new UsageError("the ledger's port is none", { hint: FORM });
  const given = {
    host: options.get("host") ?? decoded(name.replace(/^\[(.*)\]$/, "$1")),
    port: Number(port) || undefined,
    user: options.get("user") ?? decoded(user),
    password: options.get("password") ?? decoded(password),
    database: options.get("dbname") ?? decoded(url.database ?? ""),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== "" && value !== undefined));
}

function splitOnce(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index === -1 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}

/** A `%` that begins no escape is a `%`. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Earlier versions used the session's `search_path`, so one in `options=` still names the schema. */
function searchPathOf(options: string | undefined): string | undefined {
  return /(?:-c\s*|--)search_path\s*=\s*"?([^",\s]+)/.exec(options ?? "")?.[1];
}
