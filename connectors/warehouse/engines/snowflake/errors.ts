import {
  classifyHttp,
  down,
  type Failure,
  type Meaning,
  needsFix,
  OpenError,
  outcomeOfNetworkError,
  rateLimited,
  rejected,
  serverFailed,
  toOutcome,
  tryLater,
} from "../../../../src/connector/index.ts";

/** Snowflake refused a statement. Its message may quote values and is left out. */
export class SnowflakeError extends Error {
  override readonly name = "SnowflakeError";
  readonly status: number;
  /** Six digits, `002003`; empty where the answer was not Snowflake's. */
  readonly code: string;
  readonly sqlState: string;
  readonly retryAfterMs: number | undefined;

  constructor(answer: { status: number; code: string; sqlState: string; retryAfterMs: number | undefined }) {
    super(`Snowflake answered ${answer.status} ${answer.code}`);
    this.status = answer.status;
    this.code = answer.code;
    this.sqlState = answer.sqlState;
    this.retryAfterMs = answer.retryAfterMs;
  }
}

/** Not recognised as a number (100038), a time (100035, 100040) or JSON (100069); too long (100078), null (100072), out of range (100132). */
const VALUES = new Set(["100035", "100038", "100040", "100069", "100072", "100078", "100132"]);

/**
 * The row is at fault, not the database. Undefined for every other error. By the code: the SQLSTATE 22000 also has a warehouse that has used up its
 * credits (090073).
 */
export function refusalOfSnowflake(error: unknown): Failure | undefined {
  if (!(error instanceof SnowflakeError)) return undefined;
  if (error.status === 413) return toOutcome(rejected("the row is larger than one request to Snowflake may be"), { code: "too_large" });
  const isValue = VALUES.has(error.code) || (error.code.startsWith("100") && /^2[23]/.test(error.sqlState));
  return isValue ? toOutcome(rejected("a value does not fit its column's type"), { code: error.code }) : undefined;
}

const gaveUp = tryLater("Snowflake gave this up (a lock, or its time limit)", 5_000);
const failed = serverFailed("Snowflake failed");
const login = needsFix(
  "Snowflake refuses the login",
  "Check the account in `url`, `username`, that the public key of `private_key` is set (ALTER USER … SET RSA_PUBLIC_KEY), and this machine's clock",
);
const network = needsFix(
  "Snowflake's network policy keeps this machine out",
  "Allow its address: ALTER NETWORK POLICY … SET ALLOWED_IP_LIST",
);
const forbidden = needsFix(
  "the role may not do this",
  "GRANT USAGE on database, schema and warehouse, CREATE TABLE on the schema, and SELECT, INSERT, UPDATE, DELETE on the table",
);
const notThere = needsFix(
  "the table, schema or database is not there, or the role may not see it",
  "Create the schema, correct `url`, or grant the role USAGE on it",
);
const suspended = needsFix("the warehouse is suspended", "ALTER WAREHOUSE … RESUME, or give it AUTO_RESUME = TRUE");

/** Codes: docs.snowflake.com; some from the drivers' sources, and from what people met. */
const CODES: Record<string, Meaning> = {
  "390189": needsFix("there is no such role, or the user does not have it", "GRANT ROLE … TO USER …, or correct `role` in `url`"),
  "390201": needsFix(
    "there is no such database, schema or warehouse, or the role may not use it",
    "Correct `url`; names are upper-case unless they stand in double quotes",
  ),
  "390420": network,
  "390422": network,
  "000606": needsFix("no warehouse runs the statement", "Name one in `url`: ?warehouse=…, which the role may use"),
  "000607": suspended,
  "000608": suspended,
  "090073": needsFix(
    "the warehouse's credits are used up (a resource monitor)",
    "Raise the monitor's quota, or wait for its next period: the calls wait",
  ),
  "000666": needsFix("the account is suspended", "See to its payment, or to the end of its trial, in Snowflake"),
  "003001": forbidden,
  "002003": notThere,
  "002043": notThere,
  // Locks, and transactions that waited for one; statements that were cancelled, or ran out of time.
  "000604": gaveUp,
  "000605": gaveUp,
  "000625": gaveUp,
  "000629": gaveUp,
  "000630": gaveUp,
  "057014": gaveUp,
  // An internal error, with an incident's number.
  "000603": failed,
};

const noAccount = needsFix("there is no such account of Snowflake");
const FRONT = {
  title: "Snowflake",
  fix: "Check the account in `url`, `base_url`, and what a proxy on the way does",
  duplicates: "native-key",
  table: {
    504: down("Snowflake failed"),
    429: rateLimited("Snowflake takes no more requests just now", { retryAfterMs: 10_000 }),
    401: noAccount,
    403: noAccount,
    404: noAccount,
    410: noAccount,
    408: gaveUp,
    "3xx": noAccount,
    "4xx": noAccount,
  },
} as const;
const refused = needsFix("Snowflake refuses the statement", "See that nothing else changes the table; it is looked at again in a moment");

/** What stops every row. Undefined when it is neither Snowflake's nor the network's. */
export function outcomeOfSnowflake(error: unknown): Failure | undefined {
  if (error instanceof OpenError) return error.outcome;
  if (!(error instanceof SnowflakeError)) return outcomeOfNetworkError(error);
  const { status, retryAfterMs } = error;
  const code = error.code || `http_${status}`;
  const known = status === 429 ? undefined : meaningOf(error);
  if (known) return toOutcome(known, { code, retryAfterMs });
  // A code of its own that is not known, in an answer that is no outage.
  const isStatement = error.code !== "" && status < 500 && status !== 429;
  return isStatement ? toOutcome(refused, { code }) : (classifyHttp({ status, code, retryAfterMs }, FRONT) ?? toOutcome(refused, { code }));
}

function meaningOf({ status, code, sqlState }: SnowflakeError): Meaning | undefined {
  const known = Object.hasOwn(CODES, code) ? CODES[code] : undefined;
  if (known) return known;
  if (code.startsWith("390") || (status === 401 && code !== "")) return login;
  if (sqlState === "42501") return forbidden;
  if (status === 408) return gaveUp;
  return sqlState.startsWith("XX") ? failed : undefined;
}
