import { OpenError, type Outcome, outcomeOfNetworkError } from "../../src/connector.ts";

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

/** The row is at fault, not the database. Undefined for every other error. */
export function refusalOfSnowflake(error: unknown): Outcome | undefined {
  if (!(error instanceof SnowflakeError)) return undefined;
  if (error.status === 413)
    return { kind: "rejected", code: "too_large", reason: "the row is larger than one request to Snowflake may be" };
  if (!VALUES.has(error.code) && !/^2[23]/.test(error.sqlState)) return undefined;
  return { kind: "rejected", code: error.code, reason: "a value does not fit its column's type" };
}

/** Locks (000625, and transactions that waited for one), and statements that were cancelled or ran out of time (000604, 000630, 057014). */
const GAVE_UP = new Set(["000604", "000625", "000630", "000629", "057014"]);

/** What stops every row. Undefined when it is neither Snowflake's nor the network's. Codes: docs.snowflake.com; some from the drivers' sources. */
export function outcomeOfSnowflake(error: unknown): Outcome | undefined {
  if (error instanceof OpenError) return error.outcome;
  if (!(error instanceof SnowflakeError)) return outcomeOfNetworkError(error);
  const { status, sqlState, retryAfterMs } = error;
  const code = error.code || `http_${status}`;
  const unauthorized = (reason: string, fix: string): Outcome => ({ kind: "unauthorized", code, reason, fix });

  if (status === 429) {
    return {
      kind: "retry",
      because: "rate-limit",
      code,
      reason: "Snowflake takes no more requests just now",
      retryAfterMs: retryAfterMs ?? 10_000,
    };
  }
  if (code === "390189")
    return unauthorized("there is no such role, or the user does not have it", "GRANT ROLE … TO USER …, or mend `role` in `url`");
  if (code === "390201")
    return unauthorized(
      "there is no such database, schema or warehouse, or the role may not use it",
      "Mend `url`; names are upper-case unless they stand in double quotes",
    );
  if (status === 401 || code.startsWith("390")) {
    return unauthorized(
      "Snowflake refuses the login",
      "Check the account in `url`, `username`, that the public key of `private_key` is set (ALTER USER … SET RSA_PUBLIC_KEY), and this machine's clock",
    );
  }
  if (code === "000606") return unauthorized("no warehouse runs the statement", "Name one in `url`: ?warehouse=…, which the role may use");
  if (code === "003001" || sqlState === "42501" || status === 403) {
    return unauthorized(
      "the role may not do this",
      "GRANT USAGE on database, schema and warehouse, CREATE TABLE on the schema, and SELECT, INSERT, UPDATE, DELETE on the table",
    );
  }
  if (GAVE_UP.has(code) || status === 408) {
    return { kind: "retry", because: "record", code, reason: "Snowflake gave this up (a lock, or its time limit)", retryAfterMs: 5_000 };
  }
  if (status >= 500)
    return { kind: "retry", because: status === 503 || status === 504 ? "down" : "server", code, reason: "Snowflake failed" };
  if (["002003", "002043"].includes(code)) {
    return unauthorized(
      "the table, schema or database is not there, or the role may not see it",
      "Create the schema, mend `url`, or grant the role USAGE on it",
    );
  }
  return unauthorized("Snowflake refuses the statement", "See that nothing else changes the table; it is looked at again in a moment");
}
