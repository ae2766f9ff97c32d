import { z } from "zod";
import { SalesforceError } from "./errors.ts";
import type { Session } from "./session.ts";

/** A text as SOQL takes it, quotes included (SOQL and SOSL Reference, "Quoted String Escape Sequences"). */
export function quoted(text: string): string {
  return `'${text.replace(/[\\'"]/g, (sign) => `\\${sign}`).replace(/\p{Cc}/gu, " ")}'`;
}

/** `('a','b')` */
export function listed(texts: readonly string[]): string {
  return `(${texts.map(quoted).join(",")})`;
}

/** At most so many records come in one answer; nobody here asks for more. */
const PAGE = 2_000;

/** The records of a query. `tooling`: of the org's make-up, not of its data. @throws as {@link Session.request}; {@link SalesforceError} unreadable */
export async function query<Row>(options: {
  session: Session;
  soql: string;
  row: z.ZodType<Row>;
  tooling?: boolean;
  signal: AbortSignal;
}): Promise<Row[]> {
  const { session, soql, row, tooling = false, signal } = options;
  const path = `${tooling ? "/tooling" : ""}/query/?q=${encodeURIComponent(soql)}`;
  const answer = z.object({ records: z.array(row).max(PAGE) }).safeParse(await session.request({ method: "GET", path }, { signal }));
  if (!answer.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
  return answer.data.records;
}
