import type { BigQuery } from "@google-cloud/bigquery";

/** What became of a statement. */
export interface Done {
  rows: Record<string, unknown>[];
  /** How many rows a statement changed; undefined: BigQuery does not say. */
  changed: number | undefined;
  /** "do not necessarily mean that the job … was unsuccessful" (REST reference, QueryResponse): warnings are among them. */
  errors: { reason?: string; message?: string }[];
}

/** Runs a statement to its end. @throws what the SDK throws */
export async function run(client: BigQuery, request: { query: string; params?: Record<string, string>; location?: string }): Promise<Done> {
  // The third is the answer itself, which the library's types leave out.
  const [rows, , answer] = (await client.query(request)) as unknown as [Record<string, unknown>[], unknown, QueryAnswer?];
  const { numDmlAffectedRows, dmlStats, errors = [] } = answer ?? {};
  const counts = dmlStats && [dmlStats.insertedRowCount, dmlStats.updatedRowCount, dmlStats.deletedRowCount];
  const changed = numDmlAffectedRows ?? counts?.reduce<number>((sum, count = 0) => sum + Number(count), 0);
  return { rows, changed: changed === undefined ? undefined : Number(changed), errors };
}

type Count = string | number;
interface QueryAnswer {
  numDmlAffectedRows?: Count;
  dmlStats?: { insertedRowCount?: Count; updatedRowCount?: Count; deletedRowCount?: Count };
  errors?: Done["errors"];
}

/** The first error of an answer of 200, as the library throws one of 400. */
export function failureIn(answer: Done | undefined): Error | undefined {
  const [first] = answer?.errors ?? [];
  return first && Object.assign(new Error(first.message ?? ""), { code: 400, errors: [first] });
}
