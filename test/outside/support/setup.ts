import type { TestProject } from "vitest/node";
import type { Fetched } from "../../support/fetched.ts";
import { googleSqlJars } from "./googlesql.ts";
import { npmPackages } from "./npm.ts";
import { pythonPackages } from "./python.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Folders with what was fetched, or what is missing to fetch it. */
    outside: { googlesql: Fetched; python: Fetched; adaptiveCards: Fetched };
  }
}

/** Fetches everything once, before the first test: two that fetched the same at one time would each do it. In CI all of it must be there. */
export default async function setup(project: TestProject): Promise<void> {
  const googlesql = await googleSqlJars();
  const python = await pythonPackages();
  const adaptiveCards = await npmPackages({ adaptivecards: "3.0.5", jsdom: "26.1.0" });
  const outside = { googlesql, python, adaptiveCards };
  for (const [name, fetched] of Object.entries(outside)) {
    if (!("missing" in fetched)) continue;
    if (process.env.CI) throw new Error(`the outside check ${name} cannot run: ${fetched.missing}`);
    console.warn(`\nThe outside check ${name} is SKIPPED: ${fetched.missing}\n`);
  }
  project.provide("outside", outside);
}
