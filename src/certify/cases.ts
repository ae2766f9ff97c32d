import type { ConnectorUnderTest } from "./connector-under-test.ts";
import type { CaseResult } from "./report.ts";

/** What a case needs to know of a connector and its sandbox. */
export interface CaseContext {
  subject: ConnectorUnderTest;
  /** The kind of account that its sandbox is, where there are several. */
  account: string | undefined;
  /** Its sandbox is HTTP, so that faults can be put on the wire. */
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
