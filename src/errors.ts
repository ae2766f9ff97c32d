/** Exit codes of every command: 0 fine, 1 the answer is no, 2 wrong usage or configuration (also a missing --yes), 3 a needed service is away. */
export type ExitCode = 0 | 1 | 2 | 3;

/** One mistake in a file, as a person reads it: `routes.yaml:14:5  unknown connector "hubspt"  did you mean "hubspot"?` */
export interface Problem {
  file: string;
  /** 1-based. */
  line: number;
  /** 1-based. */
  column: number;
  message: string;
  /** What to do next, a full sentence or a "did you mean". */
  hint?: string;
  severity: "error" | "warning";
}

/** The person's command line or settings are wrong. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly exitCode = 2;
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}

/** routes.yaml has mistakes: all of them at once. Exit code 2. */
export class RoutesFileError extends Error {
  override readonly name = "RoutesFileError";
  readonly exitCode = 2;
  /** Warnings too, in the order of the file. */
  readonly problems: Problem[];
  /** Those of them for which the file cannot be used. */
  readonly errors: Problem[];
  /** The file's text, for showing the line under each problem. */
  readonly text: string;
  /** What else a person must know of it, such as why an earlier file cannot run in its place. */
  readonly note: string | undefined;

  constructor(problems: Problem[], text: string, options: { note?: string } = {}) {
    const errors = problems.filter(({ severity }) => severity === "error");
    super(`${errors.length} problem${errors.length === 1 ? "" : "s"} in ${problems[0]?.file ?? "routes.yaml"}`);
    this.problems = problems;
    this.errors = errors;
    this.text = text;
    this.note = options.note;
  }
}

/** A service that is needed (Kafka, PostgreSQL) does not answer, or refuses us. Exit code 3. */
export class UnreachableError extends Error {
  override readonly name: string = "UnreachableError";
  readonly exitCode = 3;
  /** The address that was tried, without credentials. */
  readonly address: string;
  readonly hint: string | undefined;

  constructor(message: string, options: { address: string; hint?: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.address = options.address;
    this.hint = options.hint;
  }
}

/** The log could not store a record durably, or answer, now. The sender should try again. */
export class LogUnavailableError extends UnreachableError {
  override readonly name = "LogUnavailableError";

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { address: "", ...options });
  }
}

/** The record is larger than the log takes; trying again does not help. */
export class RecordTooLargeError extends Error {
  override readonly name = "RecordTooLargeError";
}
