/** Explains errors of PostgreSQL, a pooler, TLS and the network, with what an operator has to do. */
import { UnreachableError, UsageError } from "../../errors.ts";

interface Where {
  /** `postgres://host:5432/database`, without credentials. */
  name: string;
  address: string;
  schema: string;
}

type Answer = [why: string, hint: string];

/**
 * Errors of the connection and of the server's state become {@link UnreachableError}; a mistake in our SQL stays what it is.
 * The server's messages are quoted only where they name tables and rights: elsewhere they may hold values.
 */
export function explain(error: unknown, where: Where): unknown {
  if (!(error instanceof Error) || error instanceof UsageError || error instanceof UnreachableError) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const [why, hint] = ofServer(error, code, where) ?? ofTls(error, code) ?? ofNetwork(error, code, where) ?? [];
  if (why === undefined) return error;
  return new UnreachableError(`the ledger ${where.name} ${why}`, { address: where.address, ...(hint ? { hint } : {}), cause: error });
}

/** Whether the connection might succeed without TLS, or with it (sslmode allow and prefer). */
export function isAboutTls(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return ofTls(error, code) !== undefined || (code === "28000" && /pg_hba/.test(error.message));
}

/** Whether a pooler refuses the session's parameters: it accepts only those that it tracks. */
export function isAboutParameters(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    /^(08P01|0A000|22023|42704)$/.test(String(error.code)) &&
    /param|option/i.test(error.message)
  );
}

const SETTING = "--ledger (PATCHBAY_LEDGER)";

/** By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html */
function ofServer(error: Error, code: string, { schema }: Where): Answer | undefined {
  const message = error.message.split("\n", 1)[0] ?? "";
  switch (code) {
    case "28000":
      if (/no encryption|SSL off/.test(message)) return ["takes this user only with TLS", "Write sslmode=require into its URL."];
      return ["refuses the user", `Is the role there, may it log in, and does pg_hba.conf let it in from here? ${SETTING} names it.`];
    case "28P01":
      return ["refuses the user or the password", `Check the user and password in ${SETTING}.`];
    case "3D000":
      return ["has no such database", `Create it, or name another in ${SETTING}.`];
    case "3F000":
      return [`has no schema ${schema}`, `Create it, or name another with schema= in ${SETTING}.`];
    case "42501":
      return [`does not let this user do this: ${message}`, rightsFor(message, schema)];
    case "42P01":
    case "42703":
      return [
        `is not as Patchbay made it: ${message}`,
        "Was the schema dropped, or restored from an older copy? A restart makes what is missing; see that nothing else changes it.",
      ];
    case "42P07":
      return [
        `has something of the same name in the schema ${schema}: ${message}`,
        `Give Patchbay a schema of its own: schema=patchbay in ${SETTING}.`,
      ];
    case "25006":
      return ["is read-only: a standby, or a primary that was set so", `After a failover ${SETTING} must lead to the new primary.`];
    case "53100":
      return ["has no room on its disk", "Make room there; what was not written is tried again."];
    case "53200":
      return ["is out of memory", "Look at the server; what was not written is tried again."];
    case "53300":
      return ["has no connection left", "Raise max_connections, or put a pooler in front; each process of ours takes up to 4."];
    case "55P03":
      return ["holds a row or table locked for too long", "Look for a long transaction in pg_stat_activity."];
    case "57014":
      return ["took too long for a statement and gave it up", "Look for locks and load in pg_stat_activity."];
    case "57P01":
    case "57P02":
      return ["is shutting down", "Wait until it is back; what was not written is tried again."];
    case "57P03":
      return ["is starting, or in recovery", "Wait until it takes connections."];
    case "22021":
    case "22P05":
      return ["cannot keep a character of a text", "Its database must be in UTF8 (SHOW server_encoding)."];
  }
  if (/^08/.test(code) && /no such database|no such user|bouncer config error/.test(message))
    return [
      "is behind a pooler that does not know the database, or the user",
      "PgBouncer has its own lists of both: [databases] and auth_file.",
    ];
  if (
    /^08/.test(code) &&
    /prepared statement|query_wait|pgbouncer|server login|server_login|server conn|no more connections|client_login/i.test(message)
  )
    return ["is behind a pooler that does not let us through", `Look at the pooler: ${message}`];
  if (/^(08|53|57)/.test(code)) return ["does not take the query now", "Is PostgreSQL starting, stopping, or full?"];
  if (/^(58|XX|F0)/.test(code)) return ["reports a fault of its own", `Look into the server's log for ${code}.`];
  return undefined;
}

function rightsFor(message: string, schema: string): string {
  if (/for database/.test(message)) return `Create the schema ${schema} beforehand, owned by this user, or GRANT CREATE ON DATABASE to it.`;
  if (/must be owner/.test(message)) return "Let the user that made the tables start once: only it can bring them up to date.";
  if (/for schema/.test(message)) return `GRANT USAGE, CREATE ON SCHEMA ${schema} to this user.`;
  return `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} to this user.`;
}

const NAME_AUTHORITY =
  "Name the authority's file with sslrootcert=/path/ca.pem; sslmode=require encrypts without asking who answers, if that is enough.";
const UNKNOWN_AUTHORITY: Answer = ["has a certificate of an authority that is not known here", NAME_AUTHORITY];

/** https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const CERTIFICATES: Record<string, Answer> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: ["has a certificate that it signed itself", NAME_AUTHORITY],
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_UNTRUSTED: UNKNOWN_AUTHORITY,
  CERT_SIGNATURE_FAILURE: ["has a certificate that another authority signed than sslrootcert names", NAME_AUTHORITY],
  CERT_HAS_EXPIRED: ["has a certificate that has expired", "Renew it; is this machine's clock right?"],
  CERT_NOT_YET_VALID: ["has a certificate that is not valid yet", "Is this machine's clock right?"],
  CERT_REVOKED: ["has a certificate that was revoked", "Renew it."],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    "has a certificate for another host",
    "Name the host as the certificate does, or write sslmode=verify-ca with the authority's sslrootcert=.",
  ],
};

function ofTls(error: Error, code: string): Answer | undefined {
  if (Object.hasOwn(CERTIFICATES, code)) return CERTIFICATES[code];
  const { message } = error;
  if (message === "The server does not support SSL connections")
    return ["has no TLS", "Write sslmode=disable into its URL, or switch TLS on there (ssl = on)."];
  if (message === "There was an error establishing an SSL connection" || code === "EPROTO" || /^ERR_SSL_/.test(code))
    return ["and we do not agree on TLS", "Does PostgreSQL itself listen there, with a TLS version of today?"];
  if (/^ERR_OSSL_/.test(code))
    return [
      "cannot be asked with the certificate files of its URL",
      "sslrootcert=, sslcert= and sslkey= name PEM files that belong together.",
    ];
  return undefined;
}

function ofNetwork(error: Error, code: string, { address }: Where): Answer | undefined {
  const { message } = error;
  if (/client password must be/.test(message))
    return ["wants a password, and its URL has none", `Add it: postgres://user:password@… in ${SETTING}.`];
  if (/SASL|SCRAM/.test(message))
    return ["and we do not agree on how to log in", "Is it PostgreSQL that answers, with scram-sha-256 or md5?"];
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return ["cannot be found: no name server knows its host", `Check the host in ${SETTING}.`];
  if (code === "ENOENT" || code === "EACCES") return ["has no socket there that this user may open", `Check host= in ${SETTING}.`];
  if (/^E[A-Z]+$/.test(code) || error.name === "AggregateError" || OF_THE_DRIVER.test(message))
    return ["does not answer", `Is PostgreSQL running at ${address}, and may this machine reach it?`];
  return undefined;
}

/** The driver's messages for a connection that is lost, or was never made. */
const OF_THE_DRIVER =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|timeout expired|Client (has encountered|was closed))/;
