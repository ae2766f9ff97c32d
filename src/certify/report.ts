/** What is counted of a connector, and the result of one case and of all. */

/**
 * - `lost`: a call that ended as delivered and is not there, was given up without need, or lost a field that was sent once.
 * - `doubled`: a second record or message of one call.
 * - `wrong class`: the outcome says something other than what happened, or comes too late.
 * - `limits broken`: a request although the destination had asked for a wait, or a refusal for the rate that no outcome names.
 * - `leaked`: a number, a text of the call or a secret in what an outcome says.
 */
export const KINDS = ["lost", "doubled", "wrong class", "limits broken", "leaked"] as const;
export type ProblemKind = (typeof KINDS)[number];

export interface Problem {
  kind: ProblemKind;
  /** One sentence, without any value of the call. */
  text: string;
}

export interface CaseResult {
  name: string;
  /** How often it was run, each time on a sandbox of its own. 0: not offered. */
  runs: number;
  problems: Problem[];
  /** Why the case does not apply to this connector; counts as nothing. */
  notOffered?: string;
  /** Something to know that is no problem. */
  note?: string;
}

export type Score = Record<ProblemKind, number>;

export interface CertificationReport {
  connector: string;
  title: string;
  duplicates: "native-key" | "find" | "none";
  cases: CaseResult[];
  total: Score;
  passed: boolean;
}

export function scoreOf(problems: readonly Problem[]): Score {
  const count = (kind: ProblemKind) => problems.filter((problem) => problem.kind === kind).length;
  return Object.fromEntries(KINDS.map((kind) => [kind, count(kind)])) as Score;
}
