import { OpenError, type Outcome, outcomeOfNetworkError } from "../../../../src/connector/index.ts";

/** `code` of an error that the server sent: five characters (PostgreSQL, appendix A). Its message may quote values and is never passed on. */
function sqlStateOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && "severity" in (error as object) ? code : undefined;
}

/** A name from the schema (a column, a constraint): PostgreSQL puts no values there. */
function named(error: unknown, field: "column" | "constraint"): string | undefined {
  const value = (error as Record<string, unknown>)[field];
  return typeof value === "string" ? value : undefined;
}

const REFUSALS: Record<string, string> = {
  "22001": "a text is too long for its column",
  "22003": "a number does not fit its column",
  "22008": "a time is out of range",
  "54000": "a value is larger than PostgreSQL keeps or indexes",
};

/** The row is at fault (classes 22, 23 and 54), not the database. Undefined for every other error. */
export function refusalOfPostgres(error: unknown): Outcome | undefined {
  const code = sqlStateOf(error);
  if (!code || !/^(22|23|54)/.test(code)) return undefined;
  const constraint = named(error, "constraint");
  const column = named(error, "column");
  const reason =
    REFUSALS[code] ??
    (code.startsWith("23")
      ? `${constraint ? `the constraint ${constraint}` : "a constraint"} of the table refuses the row${column ? ` (${column})` : ""}`
      : "a value does not fit its column");
  return { kind: "rejected", code, reason };
}

/**
 * What stops every row: by SQLSTATE, or by what the network said. Undefined when it is neither.
 * The server answered each of these with a rollback: nothing is half written.
 */
export function outcomeOfPostgres(error: unknown): Outcome | undefined {
  if (error instanceof OpenError) return error.outcome;
  const code = sqlStateOf(error);
  if (code) return outcomeOfSqlState(code);
  const message = error instanceof Error ? error.message : "";
  // The pool's own words for two things: every connection of ours was busy for so long, or the server did not take a new one.
  if (message.includes("timeout exceeded when trying to connect")) {
    const reason = "all connections of this process to PostgreSQL are at work for other routes";
    return { kind: "retry", because: "record", code: "pool_busy", reason, retryAfterMs: 5_000 };
  }
  if (message.includes("Connection terminated due to connection timeout")) {
    return { kind: "retry", because: "down", code: "connect_timeout", reason: "PostgreSQL does not take connections" };
  }
  if (/does not support SSL|SASL|password must be a string/.test(message)) {
    return {
      kind: "needs-fix",
      code: "login",
      reason: "PostgreSQL and the settings do not agree on how to log in",
      fix: "Check user, password and sslmode in `url`",
    };
  }
  if (/Connection terminated|connection is closed|not queryable/i.test(message)) {
    return { kind: "ambiguous", code: "connection_lost", reason: "the connection to PostgreSQL was lost while it was writing" };
  }
  return outcomeOfNetworkError(error);
}

function outcomeOfSqlState(code: string): Outcome {
  const needsFix = (reason: string, fix: string): Outcome => ({ kind: "needs-fix", code, reason, fix });
  if (code.startsWith("28")) return needsFix("PostgreSQL refuses the login", "Check user and password in `url`");
  if (code === "42501") {
    return needsFix(
      "the role may not do this",
      "GRANT SELECT, INSERT, UPDATE on the table to the role; CREATE on the schema, or ownership of the table, if columns have to be added",
    );
  }
  if (code === "3D000") return needsFix("there is no such database", "Create it, or correct the name in `url`");
  if (code === "3F000") return needsFix("there is no such schema", "Create it, or correct `schema`");
  if (code.startsWith("42"))
    return needsFix("the table is not as we made it", "It is looked at again in a moment; see that nothing else changes it");
  // 25006: a standby after a failover. 53: out of disk, memory or connections. 57P: shutting down or starting.
  if (/^(08|53|57P|58)/.test(code) || code === "25006") {
    return { kind: "retry", because: "down", code, reason: "PostgreSQL cannot write now" };
  }
  return {
    kind: "retry",
    because: "record",
    code,
    reason: "PostgreSQL gave this up (a lock, a conflict or its time limit)",
    retryAfterMs: 5_000,
  };
}
