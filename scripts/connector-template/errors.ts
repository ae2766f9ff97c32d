import { classifyHttp, type Failure, type HttpAnswer } from "../../src/connector/index.ts";

/** Where Example's statuses mean something else than the kit says, add a `table`; for its own error codes, `byCode` and `toOutcome`. */
const API = { title: "Example", fix: "Put a token of Example into `token`", duplicates: "native-key" } as const;

/** What an answer means; undefined where it is one of success. */
export function failureOf(answer: HttpAnswer): Failure | undefined {
  return classifyHttp(answer, API);
}
