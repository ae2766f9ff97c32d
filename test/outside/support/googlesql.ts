/** Google's own analyzer of SQL, with BigQuery's language options. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Fetched } from "../../support/fetched.ts";
import { jarsOf } from "../../support/maven.ts";
import { FETCH_WITHIN_MS } from "./bounds.ts";

const HERE = join(import.meta.dirname, "googlesql");

export const googleSqlJars = (): Promise<Fetched> => jarsOf({ name: "googlesql", pom: join(HERE, "pom.xml"), withinMs: FETCH_WITHIN_MS });

export interface Statement {
  sql: string;
  /** Named ones; all are texts. */
  parameters: string[];
  table: string;
  /** `type` as GoogleSQL calls it: STRING, INT64, DOUBLE, TIMESTAMP, JSON. */
  columns: { name: string; type: string }[];
}

/** What is wrong with each statement, in Google's words; undefined for a good one. */
export async function errorsOf(jars: string, statements: Statement[]): Promise<(string | undefined)[]> {
  const java = spawn("java", ["-XX:TieredStopAtLevel=1", "-cp", join(jars, "*"), join(HERE, "Analyze.java")], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = once(java, "close");
  java.stdin.end(statements.map((statement) => JSON.stringify(statement)).join("\n"));
  const answers = (await text(java.stdout)).trim().split("\n");
  const [code] = await ended;
  if (code !== 0 || answers.length !== statements.length)
    throw new Error(`the analyzer ended with ${code} after ${answers.length} statements`);
  return answers.map((line) => (JSON.parse(line) as { error?: string | null }).error ?? undefined);
}
