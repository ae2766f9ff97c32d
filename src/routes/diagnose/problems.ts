import { type Problem, RoutesFileError } from "../../errors.ts";

/** 1-based. */
export interface Position {
  line: number;
  column: number;
}

/** Where a mistake is, and what to say. */
export interface Finding {
  at: Position;
  message: string;
  hint?: string | undefined;
  severity?: Problem["severity"];
}

/** Gathers everything that is wrong with a file, so that a person can fix it in one go. */
export interface Problems {
  add(finding: Finding): void;
  /** A warning: shown, and the file is used all the same. */
  warn(finding: Finding): void;
  errors(): Problem[];
  warnings(): Problem[];
  /** @throws {RoutesFileError} with errors and warnings in the order of the file, when there is an error. */
  throwIfAny(text: string): void;
}

export function createProblems(file: string): Problems {
  const found: Problem[] = [];
  const seen = new Set<string>();

  function add({ at, message, hint, severity = "error" }: Finding): void {
    const key = `${at.line}:${at.column}:${message}`;
    if (seen.has(key)) return;
    seen.add(key);
    found.push({ file, line: at.line, column: at.column, message, ...(hint === undefined ? {} : { hint }), severity });
  }
  const sorted = () => found.toSorted((a, b) => a.line - b.line || a.column - b.column);

  return {
    add,
    warn: (finding) => add({ ...finding, severity: "warning" }),
    errors: () => sorted().filter((problem) => problem.severity === "error"),
    warnings: () => sorted().filter((problem) => problem.severity === "warning"),
    throwIfAny(text) {
      if (found.some((problem) => problem.severity === "error")) throw new RoutesFileError(sorted(), text);
    },
  };
}
