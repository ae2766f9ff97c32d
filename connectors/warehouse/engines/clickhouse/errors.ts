import {
  ambiguous,
  byCode,
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
} from "../../../../src/connector/index.ts";

/** Of an exception that the server sent (ClickHouse, `src/Common/ErrorCodes.cpp`). Its message may quote values and is never passed on. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("type" in error)) return undefined;
  return /^\d+$/.test(String(error.code)) ? String(error.code) : undefined;
}

const constraint = rejected("a constraint of the table refuses the row");
const value = rejected("a value does not fit its column's type");

/** The row is at fault: a value cannot be read as its column's type (6, 25–28, 38, 41, 72, 117), converted (53, 70), or exceeds a bound (the others). */
const REFUSALS = byCode<Meaning>([
  [constraint, "469"],
  [value, "6 25 26 27 28 38 41 53 69 70 72 117 131 321 349 407 691"],
]);

/** The row is at fault, not the database. Undefined for every other error. */
export function refusalOfClickHouse(error: unknown): Failure | undefined {
  const code = codeOf(error);
  const meaning = code === undefined ? undefined : REFUSALS.get(code);
  return meaning && code !== undefined ? toOutcome(meaning, { code }) : undefined;
}

const MEANINGS = byCode<Meaning>([
  [needsFix("ClickHouse refuses the login", "Check user and password in `url`"), "192 193 194 195 516"],
  [needsFix("there is no such database", "Create it, or correct the name in `url`"), "81"],
  [
    needsFix(
      "the user may not do this",
      "GRANT SELECT, INSERT, ALTER ADD COLUMN, ALTER DELETE and CREATE TABLE on the database to the user; a read-only profile cannot write",
    ),
    "164 291 392 497",
  ],
  // The table or its columns are not as we looked at them a moment ago.
  [needsFix("the table is not as we made it", "It is looked at again in a moment; see that nothing else changes it"), "10 16 44 47 60"],
  // Quotas and queues that empty by themselves: too many queries at once (202), too many parts (252), a quota (201).
  [rateLimited("ClickHouse takes no more just now (queries, parts or a quota)", { retryAfterMs: 10_000 }), "201 202 252 290"],
  // Nothing was written: read-only replica or disk full (242, 243), memory (241), no Keeper (225, 319, 999), no leader or connection (209, 210, 279).
  [down("ClickHouse cannot write now"), "159 160 173 209 210 225 241 242 243 279 319 394 425 999"],
]);

/** What stops every row, by the server's code or by what the network said. Undefined when it is neither. */
export function outcomeOfClickHouse(error: unknown): Failure | undefined {
  if (error instanceof OpenError) return error.outcome;
  const code = codeOf(error);
  if (code !== undefined) return toOutcome(MEANINGS.get(code) ?? serverFailed(`ClickHouse failed (code ${code})`), { code });
  if (error instanceof Error && /^Timeout error/i.test(error.message))
    return toOutcome(ambiguous("ClickHouse did not answer in time"), { code: "timeout" });
  return outcomeOfNetworkError(error) ?? outcomeOfAnswer(error);
}

/** The driver makes a plain error of an answer that is not ClickHouse's own: a proxy's page, of which nothing is passed on. */
function outcomeOfAnswer(error: unknown): Failure | undefined {
  // A TypeError and its like are faults of ours.
  if (!(error instanceof Error) || error.constructor !== Error) return undefined;
  return toOutcome(serverFailed("the answer is not one of ClickHouse's: is a proxy between?"), { code: "unknown_answer" });
}
