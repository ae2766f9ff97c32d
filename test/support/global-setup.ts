import type { TestProject } from "vitest/node";
import { startKafka } from "./kafka.ts";
import { startPostgres } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** `host:port,…` of a real Kafka, or why there is none. */
    kafka: { brokers: string } | { missing: string };
    /** `postgres://…` of a real PostgreSQL in which databases may be created, or why there is none. */
    postgres: { url: string } | { missing: string };
  }
}

/** Starts a real Kafka and a real PostgreSQL once for all test files of a project. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
  for (const [name, service] of Object.entries({ kafka, postgres })) {
    if ("missing" in service)
      console.warn(`\nNo ${name} for the tests of project "${project.name}", they are SKIPPED: ${service.missing}\n`);
  }
  project.provide("kafka", "missing" in kafka ? { missing: kafka.missing } : { brokers: kafka.brokers });
  project.provide("postgres", "missing" in postgres ? { missing: postgres.missing } : { url: postgres.url });
  return async () => {
    await Promise.all([kafka, postgres].map((service) => ("missing" in service ? undefined : service.stop())));
  };
}
