import type { ConnectorUnderTest } from "./connector-under-test.ts";
import type { CaseResult } from "./report.ts";

/** What there is of a connector to try. */
export interface CaseContext {
  subject: ConnectorUnderTest;
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
  run(trial: CaseContext): Promise<Omit<CaseResult, "name">>;
}

export function skipped(reason: string): Omit<CaseResult, "name"> {
  return { runs: 0, problems: [], notOffered: reason };
}
