import { OpenError, type Outcome, outcomeOfNetworkError } from "../../src/connector/index.ts";

/** Of an exception that the server sent (ClickHouse, `src/Common/ErrorCodes.cpp`). Its message may quote values and is never passed on. */
function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("type" in error)) return undefined;
  return /^\d+$/.test(String(error.code)) ? Number(error.code) : undefined;
}

const CONSTRAINT = 469;
/** A value cannot be read as its column's type, or does not fit it: cannot parse (6, 25–28, 38, 41, 72, 117), convert (53, 70), bound (69, 131, 321, 349, 407, 691). */
const VALUES = new Set([6, 25, 26, 27, 28, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 407, 691]);

/** The row is at fault, not the database. Undefined for every other error. */
export function refusalOfClickHouse(error: unknown): Outcome | undefined {
  const code = codeOf(error);
  if (code === CONSTRAINT) return { kind: "rejected", code: "469", reason: "a constraint of the table refuses the row" };
  if (code !== undefined && VALUES.has(code)) {
    return { kind: "rejected", code: String(code), reason: "a value does not fit its column's type" };
  }
  return undefined;
}

const LOGIN = new Set([192, 193, 194, 195, 516]);
const FORBIDDEN = new Set([164, 291, 392, 497]);
/** The table or its columns are not as we looked at them a moment ago. */
const CHANGED = new Set([10, 16, 44, 47, 60]);
/** Quotas and queues that empty by themselves: too many queries at once (202), too many parts (252), a quota (201). */
const BUSY = new Set([201, 202, 252, 290]);
/** Nothing was written: read-only replica or disk full (242, 243), memory (241), no Keeper (225, 319, 999), no leader or connection (209, 210, 279). */
const DOWN = new Set([159, 160, 173, 209, 210, 225, 241, 242, 243, 279, 319, 394, 425, 999]);

/** What stops every row, by the server's code or by what the network said. Undefined when it is neither. */
export function outcomeOfClickHouse(error: unknown): Outcome | undefined {
  if (error instanceof OpenError) return error.outcome;
  const number = codeOf(error);
  if (number === undefined) {
    if (error instanceof Error && /^Timeout error/i.test(error.message)) {
      return { kind: "ambiguous", code: "timeout", reason: "ClickHouse did not answer in time" };
    }
    return outcomeOfNetworkError(error) ?? outcomeOfAnswer(error);
  }
  const code = String(number);
  const needsFix = (reason: string, fix: string): Outcome => ({ kind: "needs-fix", code, reason, fix });
  if (LOGIN.has(number)) return needsFix("ClickHouse refuses the login", "Check user and password in `url`");
  if (number === 81) return needsFix("there is no such database", "Create it, or mend the name in `url`");
  if (FORBIDDEN.has(number)) {
    return needsFix(
      "the user may not do this",
      "GRANT SELECT, INSERT, ALTER ADD COLUMN, ALTER DELETE and CREATE TABLE on the database to the user; a read-only profile cannot write",
    );
  }
  if (CHANGED.has(number)) {
    return needsFix("the table is not as we made it", "It is looked at again in a moment; see that nothing else changes it");
  }
  if (BUSY.has(number)) {
    return {
      kind: "retry",
      because: "rate-limit",
      code,
      reason: "ClickHouse takes no more just now (queries, parts or a quota)",
      retryAfterMs: 10_000,
    };
  }
  if (DOWN.has(number)) return { kind: "retry", because: "down", code, reason: "ClickHouse cannot write now" };
  return { kind: "retry", because: "server", code, reason: `ClickHouse failed (code ${code})` };
}

/** The driver makes a plain error of an answer that is not ClickHouse's own: a proxy's page, of which nothing is passed on. */
function outcomeOfAnswer(error: unknown): Outcome | undefined {
  // A TypeError and its like are faults of ours.
  if (!(error instanceof Error) || error.constructor !== Error) return undefined;
  return { kind: "retry", because: "server", code: "unknown_answer", reason: "the answer is not one of ClickHouse's: is a proxy between?" };
}
