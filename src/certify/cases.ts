import type { CaseResult } from "./score.ts";
import type { Subject } from "./subject.ts";

/** What there is of a connector to try. */
export interface Trial {
  subject: Subject;
  /** Which kind of account its sandbox is, where there are several. */
  account: string | undefined;
  /** Its sandbox is HTTP: there is a wire on which things can go wrong. */
  isHttp: boolean;
  canRefuse: boolean;
  /** A credential that the vendor refuses is known. */
  hasWrong: boolean;
}

export interface Case {
  name: string;
  /** It starts processes and kills them. */
  kills?: true;
  run(trial: Trial): Promise<Omit<CaseResult, "name">>;
}

export function notOffered(reason: string): Omit<CaseResult, "name"> {
  return { runs: 0, problems: [], notOffered: reason };
}
