import { z } from "zod";
import type { Session } from "./client.ts";
import { SalesforceError } from "./vendor-error.ts";

/** A text as SOQL takes it, quotes included (SOQL and SOSL Reference, "Quoted String Escape Sequences"). */
export function quoted(text: string): string {
  return `'${text.replace(/[\\'"]/g, (sign) => `\\${sign}`).replace(/\p{Cc}/gu, " ")}'`;
}

/** `('a','b')` */
export function soqlList(texts: readonly string[]): string {
  return `(${texts.map(quoted).join(",")})`;
}

/** Each of 2,000 records: no more than 10,000 are ever asked for. */
const MAX_PAGES = 5;
/** Of a later page: the path alone, never a host. */
const NEXT_PAGE = /^\/services\/data\/v\d+\.\d+(\/(?:tooling\/)?query\/[\w-]+)$/;

/**
 * The records of a query, page by page, at most the first 10,000. `tooling`: of the org's make-up, not of its data.
 * @throws as {@link Session.request}; {@link SalesforceError} unreadable
 */
export async function query<Row>(options: {
  session: Session;
  soql: string;
  row: z.ZodType<Row>;
  tooling?: boolean;
  /** Deleted records too. */
  all?: boolean;
  signal: AbortSignal;
}): Promise<Row[]> {
  const { session, soql, row, tooling = false, all = false, signal } = options;
  const schema = z.object({ records: z.array(row), done: z.boolean(), nextRecordsUrl: z.string().regex(NEXT_PAGE).optional() });
  const rows: Row[] = [];
  let path: string | undefined = `${tooling ? "/tooling" : ""}/${all ? "queryAll" : "query"}/?q=${encodeURIComponent(soql)}`;
  for (let page = 0; path !== undefined && page < MAX_PAGES; page += 1) {
    const answer = schema.safeParse(await session.request({ method: "GET", path }, { signal }));
    // Without `done` and without the next page's address the answer may be incomplete.
    if (!answer.success || (!answer.data.done && answer.data.nextRecordsUrl === undefined)) {
      throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
    }
    rows.push(...answer.data.records);
    path = answer.data.done ? undefined : NEXT_PAGE.exec(answer.data.nextRecordsUrl ?? "")?.[1];
  }
  return rows;
}
