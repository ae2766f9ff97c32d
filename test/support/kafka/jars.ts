import { join } from "node:path";
import type { Fetched } from "../fetched.ts";
import { jarsOf } from "../maven.ts";

/** A folder with the jars that pom.xml names, fetched once per machine, or what is missing to fetch them. */
export async function kafkaJars(): Promise<Fetched> {
  const jars = await jarsOf({ name: "kafka", pom: join(import.meta.dirname, "pom.xml") });
  return "missing" in jars ? { missing: `${jars.missing}, or start Docker, or set KAFKA_BROKERS` } : jars;
}
